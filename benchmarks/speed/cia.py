"""Training steps of CIA as released, in PyTorch eager, as a user would write it: what run.ts times ours against.

Takes one JSON argument, {"widths", "k", "r", "outputs", "level", "lengths", "layout"}, and prints one line,
{"step_ms", "infer_ms", "first_step_s", "peak_rss_mb", "layout", "sys", "parameters"}. Batches have the given lengths of sequences
and random inputs; labels are of rows or of sequences. Layouts: "padded", all sequences being of one length; "padmax", padded to the
batch's longest with a mask; "packed", padmax whose GRUs run on packed sequences. Forward, backward and Adam, dropout on; one thread.
"""
import json
import resource
import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

torch.set_num_threads(1)
torch.manual_seed(0)
ORDERED = ["TA", "TV", "AT", "AV", "VT", "VA"]
PAIRS = ["TA", "AV", "VT"]
DROP, GRU_DROP = 0.5, 0.3


class Cia(nn.Module):
    def __init__(self, widths, k, r, outputs, pool, packed):
        super().__init__()
        self.pool, self.packed = pool, packed
        self.drop, self.gru_drop = nn.Dropout(DROP), nn.Dropout(GRU_DROP)
        gru = lambda i: nn.GRU(i, r, batch_first=True, bidirectional=True)
        # An auto-encoder x -> 3k -> 2k -> k -> 2k -> 3k -> y for each ordered pair.
        sizes = {p: [widths[p[0]], 3 * k, 2 * k, k, 2 * k, 3 * k, widths[p[1]]] for p in ORDERED}
        self.iim = nn.ModuleDict({p: nn.ModuleList(map(nn.Linear, s[:-1], s[1:])) for p, s in sizes.items()})
        self.grus = nn.ModuleDict({**{p: gru(k) for p in ORDERED}, **{m: gru(widths[m]) for m in "TAV"}})
        self.dense = nn.ModuleDict({name: nn.Linear(2 * r, k) for name in self.grus})
        self.pair = nn.ModuleDict({p: nn.Linear(2 * k, k) for p in PAIRS})
        self.merge = nn.Linear(6 * k, k)
        self.out = nn.Linear(k, outputs)

    def context(self, name, x, lengths):
        x = self.gru_drop(x)
        if self.packed:
            packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
            h, _ = pad_packed_sequence(self.grus[name](packed)[0], batch_first=True, total_length=x.shape[1])
        else:
            h, _ = self.grus[name](x)
        return self.drop(torch.relu(self.dense[name](self.drop(h))))

    def forward(self, x, mask, lengths):
        f, rebuilt = {}, {}
        for p in ORDERED:
            h = x[p[0]]
            for layer in self.iim[p][:3]:
                h = self.drop(torch.tanh(layer(h)))
            code = h
            for layer in self.iim[p][3:5]:
                h = self.drop(torch.tanh(layer(h)))
            rebuilt[p] = torch.tanh(self.iim[p][5](h))
            f[p] = self.context(p, code, lengths)
        for m in "TAV":
            f[m] = self.context(m, x[m], lengths)

        def attend(query, of):
            scores = query @ of.transpose(1, 2)
            if mask is not None:
                scores = scores.masked_fill(mask[:, None, :] == 0, -1e9)
            return (torch.softmax(scores, -1) @ of) * query

        attended = []
        for p in PAIRS:
            both = self.drop(torch.relu(self.pair[p](torch.cat([f[p[0]], f[p[1]]], -1))))
            inter = (f[p] + f[p[::-1]]) / 2
            attended += [attend(both, inter), attend(inter, both)]
        z = torch.relu(self.merge(torch.cat(attended, -1)))
        return self.out(z.mean(1) if self.pool else z), rebuilt


def loss_of(logits, rebuilt, x, y, mask):
    flat = logits.reshape(-1, logits.shape[-1])
    if mask is None:
        return F.cross_entropy(flat, y.reshape(-1)) + sum(((rebuilt[p] - x[p[1]]) ** 2).mean() for p in ORDERED)
    n = mask.sum()
    task = (F.cross_entropy(flat, y.reshape(-1), reduction="none") * mask.reshape(-1)).sum() / n
    return task + sum(
        (((rebuilt[p] - x[p[1]]) ** 2) * mask[..., None]).sum() / (n * x[p[1]].shape[-1]) for p in ORDERED
    )


def batch_of(lengths, ask):
    n, longest = len(lengths), max(lengths)
    x = {m: 2 * torch.rand(n, longest, width) - 1 for m, width in ask["widths"].items()}
    y = torch.randint(ask["outputs"], (n,) if ask["level"] == "sequence" else (n, longest))
    steps = torch.tensor(lengths)
    mask = None if ask["layout"] == "padded" else (torch.arange(longest)[None] < steps[:, None]).float()
    return x, y, mask, steps


def milliseconds(f, *args):
    start = time.perf_counter()
    f(*args)
    return (time.perf_counter() - start) * 1e3


def main():
    ask = json.loads(sys.argv[1])
    packed = ask["layout"] == "packed"
    model = Cia(ask["widths"], ask["k"], ask["r"], ask["outputs"], ask["level"] == "sequence", packed)
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    batches = [batch_of(lengths, ask) for lengths in ask["lengths"]]

    def step(x, y, mask, lengths):
        optimiser.zero_grad()
        logits, rebuilt = model(x, mask, lengths)
        loss_of(logits, rebuilt, x, y, mask).backward()
        optimiser.step()

    first = milliseconds(step, *batches[0])
    step(*batches[0])
    times, start = [], time.perf_counter()
    while len(times) < 5 or (time.perf_counter() - start < 10 and len(times) < 36):
        times.append(milliseconds(step, *batches[len(times) % len(batches)]))
    model.eval()
    with torch.no_grad():
        predict = lambda x, y, mask, lengths: model(x, mask, lengths)
        predict(*batches[0])
        infer = [milliseconds(predict, *batches[i % len(batches)]) for i in range(10)]
    answer = {
        "sys": f"PyTorch {torch.__version__}",
        "layout": ask["layout"],
        "parameters": sum(p.numel() for p in model.parameters()),
        "step_ms": round(statistics.median(times), 1),
        "infer_ms": round(statistics.median(infer), 1),
        "first_step_s": round(first / 1e3, 1),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps(answer))


main()
