"""Training steps of the compared systems in PyTorch eager, as a user would write them: what systems.ts times ours against.

Reads one JSON line a request, {"system", "config", "widths", "batch", "steps", "time"}, and answers with one, {"step_ms": [...], "cpu_ms": [...]}.
Forward, backward and Adam, dropout on, the L1 loss of intensities; random inputs of (batch, time, width); one thread.
"""
import json
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)
M = "TAV"


def mlp(i, h, o, drop, act=None):
    layers = [nn.Linear(i, h), nn.ReLU(), nn.Dropout(drop), nn.Linear(h, o)]
    return nn.Sequential(*layers, *([act] if act else []))


def parts(make):
    return nn.ModuleDict({m: make(m) for m in M})


class EfLstm(nn.Module):
    def __init__(self, c, d):
        super().__init__()
        self.lstm = nn.LSTM(sum(d.values()), c["h"], batch_first=True)
        self.out = nn.Sequential(nn.Linear(c["h"], c["h"]), nn.ReLU(), nn.Dropout(c["drop"]), nn.Linear(c["h"], 1))

    def forward(self, x):
        return self.out(self.lstm(torch.cat([x[m] for m in M], -1))[1][0][0])


class Memory(nn.Module):
    """MFN's LSTMs, attention and gated memory, step by step as in the released code."""

    def __init__(self, c, d):
        super().__init__()
        self.h = {m: c["h" + m] for m in M}
        total = sum(self.h.values())
        self.cells = parts(lambda m: nn.LSTMCell(d[m], self.h[m]))
        self.att1 = mlp(2 * total, c["att1"], 2 * total, c["att1Drop"])
        self.att2 = mlp(2 * total, c["att2"], c["m"], c["att2Drop"])
        self.gamma1 = mlp(2 * total + c["m"], c["gamma1"], c["m"], c["gamma1Drop"])
        self.gamma2 = mlp(2 * total + c["m"], c["gamma2"], c["m"], c["gamma2Drop"])
        self.m, self.width = c["m"], total + c["m"]

    def forward(self, x):
        n = x["T"].shape[0]
        h = {m: x["T"].new_zeros(n, self.h[m]) for m in M}
        c = dict(h)
        u = x["T"].new_zeros(n, self.m)
        for t in range(x["T"].shape[1]):
            before = [c[m] for m in M]
            for m in M:
                h[m], c[m] = self.cells[m](x[m][:, t], (h[m], c[m]))
            star = torch.cat(before + [c[m] for m in M], 1)
            attended = torch.softmax(self.att1(star), 1) * star
            both = torch.cat([attended, u], 1)
            u = torch.sigmoid(self.gamma1(both)) * u + torch.sigmoid(self.gamma2(both)) * torch.tanh(self.att2(attended))
        return torch.cat([h[m] for m in M] + [u], 1)


class Mfn(nn.Module):
    def __init__(self, c, d):
        super().__init__()
        self.memory = Memory(c, d)
        self.out = mlp(self.memory.width, c["outHidden"], 1, c["outDrop"])

    def forward(self, x):
        return self.out(self.memory(x))


class Mfm(nn.Module):
    def __init__(self, c, d):
        super().__init__()
        self.c, self.memory = c, Memory(c, d)
        self.enc = parts(lambda m: nn.LSTM(d[m], c["h" + m], batch_first=True))
        self.z = parts(lambda m: nn.Linear(c["h" + m], c["z" + m]))
        self.zy = nn.Linear(self.memory.width, c["zY"])
        self.f = parts(lambda m: mlp(c["z" + m], c["f" + m], c["f" + m], c["drop"], nn.ReLU()))
        self.fy = mlp(c["zY"], c["fY"], c["fY"], c["drop"], nn.ReLU())
        width = {m: c["fY"] + c["f" + m] for m in M}
        self.dec = parts(lambda m: nn.LSTMCell(width[m], width[m]))
        self.rec = parts(lambda m: nn.Linear(width[m], d[m]))
        self.out = mlp(c["fY"], c["fY"], 1, c["drop"])

    @staticmethod
    def mmd(z):
        def kernel(a, b):
            return torch.exp(-((a[:, None] - b[None]) ** 2).mean(2) / a.shape[1]).mean()

        g = torch.randn_like(z)
        return kernel(g, g) + kernel(z, z) - 2 * kernel(g, z)

    def forward(self, x):
        zy = self.zy(self.memory(x))
        fy, self.extra = self.fy(zy), self.c["lambdaMmd"] * self.mmd(zy)
        for m in M:
            z = self.z[m](self.enc[m](x[m])[1][0][0])
            inp = torch.cat([fy, self.f[m](z)], 1)
            h = torch.zeros_like(inp)
            c, hs = h, []
            for _ in range(x[m].shape[1]):
                h, c = self.dec[m](inp, (h, c))
                inp = h
                hs.append(h)
            self.extra = self.extra + self.c["lambda" + m] * F.mse_loss(self.rec[m](torch.stack(hs, 1)), x[m])
            self.extra = self.extra + self.c["lambdaMmd"] * self.mmd(z)
        return self.out(fy)


class Lsthm(nn.Module):
    def __init__(self, d, h, z):
        super().__init__()
        self.W, self.U, self.V = nn.Linear(d, 4 * h), nn.Linear(h, 4 * h), nn.Linear(z, 4 * h)

    def forward(self, x, h, c, z):
        i, f, g, o = (self.W(x) + self.U(h) + self.V(z)).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


class Marn(nn.Module):
    def __init__(self, c, d):
        super().__init__()
        self.c, self.h = c, {m: c["h" + m] for m in M}
        total = sum(self.h.values())
        self.cells = parts(lambda m: Lsthm(d[m], self.h[m], c["z"]))
        self.attention = nn.Linear(total, c["K"] * total)
        self.reduce = parts(lambda m: nn.Linear(c["K"] * self.h[m], c["l" + m]))
        self.fuse = nn.Linear(sum(c["l" + m] for m in M), c["z"])
        self.out = mlp(total + c["z"], c["outHidden"], 1, c["outDrop"])

    def forward(self, x):
        n, K = x["T"].shape[0], self.c["K"]
        h = {m: x["T"].new_zeros(n, self.h[m]) for m in M}
        c = dict(h)
        z = x["T"].new_zeros(n, self.c["z"])
        for t in range(x["T"].shape[1]):
            for m in M:
                h[m], c[m] = self.cells[m](x[m][:, t], h[m], c[m], z)
            H = torch.cat([h[m] for m in M], 1)
            attended = torch.softmax(self.attention(H).view(n, K, -1), 2) * H[:, None]
            own = attended.split([self.h[m] for m in M], 2)
            z = self.fuse(torch.cat([self.reduce[m](part.reshape(n, -1)) for m, part in zip(M, own)], 1))
        return self.out(torch.cat([H, z], 1))


class MvLstm(nn.Module):
    def __init__(self, c, d):
        super().__init__()
        self.c, n = c, c["d"]
        self.embed = parts(lambda m: nn.Sequential(nn.Linear(d[m], c["e"]), nn.Dropout(c["drop"])))
        self.gates = parts(lambda m: nn.Linear(c["e"] + 3 * n, 4 * n))
        own, other = torch.zeros(n), torch.zeros(n)
        own[: int(c["alpha"] * n)] = 1
        other[n - int(c["beta"] * n) :] = 1
        self.keep = {m: torch.cat([own if k == m else other for k in M]) for m in M}
        self.out = nn.Sequential(nn.Dropout(c["drop"]), nn.Linear(3 * n, 1))

    def forward(self, x):
        n, d = x["T"].shape[0], self.c["d"]
        e = {m: self.embed[m](x[m]) for m in M}
        H = x["T"].new_zeros(n, 3 * d)
        c = {m: x["T"].new_zeros(n, d) for m in M}
        for t in range(x["T"].shape[1]):
            new = []
            for m in M:
                i, f, g, o = self.gates[m](torch.cat([e[m][:, t], H * self.keep[m]], 1)).chunk(4, 1)
                c[m] = torch.sigmoid(f) * c[m] + torch.sigmoid(i) * torch.tanh(g)
                new.append(torch.sigmoid(o) * c[m])
            H = torch.cat(new, 1)
        return self.out(H)


class Tfn(nn.Module):
    def __init__(self, c, d):
        super().__init__()
        self.lstm, self.fc = nn.LSTM(d["T"], c["textHidden"], batch_first=True), nn.Linear(c["textHidden"], c["textOut"])
        sub = lambda i, h: nn.Sequential(
            nn.BatchNorm1d(i), nn.Dropout(c["drop"]), nn.Linear(i, h), nn.ReLU(), nn.Linear(h, h), nn.ReLU(), nn.Linear(h, h), nn.ReLU()
        )
        self.a, self.v, h = sub(d["A"], c["audioHidden"]), sub(d["V"], c["videoHidden"]), c["fusionHidden"]
        flat = (c["textOut"] + 1) * (c["audioHidden"] + 1) * (c["videoHidden"] + 1)
        self.out = nn.Sequential(nn.Dropout(c["fusionDrop"]), nn.Linear(flat, h), nn.ReLU(), nn.Linear(h, h), nn.ReLU(), nn.Linear(h, 1))

    def forward(self, x):
        one = x["T"].new_ones(x["T"].shape[0], 1)
        t = torch.cat([one, self.fc(self.lstm(x["T"])[1][0][0])], 1)
        a, v = torch.cat([one, self.a(x["A"].mean(1))], 1), torch.cat([one, self.v(x["V"].mean(1))], 1)
        z = (torch.bmm(t[:, :, None], a[:, None]).flatten(1)[:, :, None] @ v[:, None]).flatten(1)
        return 2 * torch.sigmoid(self.out(z)) - 1


NODES = ["T", "A", "V", "TA", "TV", "AV", "TAV"]


class Dfg(nn.Module):
    def __init__(self, c, d):
        super().__init__()
        self.c, self.h = c, {m: c["h" + m] for m in M}
        self.cells = parts(lambda m: nn.LSTMCell(d[m], self.h[m]))
        self.single = parts(lambda m: nn.Linear(2 * self.h[m], c["s" + m]))
        width = {**{m: c["s" + m] for m in M}, **{n: c["node"] for n in NODES[3:]}}
        self.below = {n: [q for q in NODES if len(q) < len(n) and set(q) < set(n)] for n in NODES[3:]}
        self.below["top"] = NODES
        fused = lambda n: nn.Sequential(nn.Linear(sum(width[q] for q in self.below[n]), c["core"]), nn.Linear(c["core"], c["node"]))
        self.nets = nn.ModuleDict({n: fused(n) for n in self.below})
        edges = sum(len(q) for q in self.below.values())
        self.efficacy = nn.Sequential(
            nn.Linear(sum(width[m] for m in M), c["core"]), nn.Linear(c["core"], c["efficacyCoreOut"]), nn.Linear(c["efficacyCoreOut"], edges), nn.Sigmoid()
        )
        self.att2 = mlp(c["node"], c["att2"], c["m"], c["att2Drop"])
        self.gamma1 = mlp(c["node"] + c["m"], c["gamma1"], c["m"], c["gamma1Drop"])
        self.gamma2 = mlp(c["node"] + c["m"], c["gamma2"], c["m"], c["gamma2Drop"])
        self.out = mlp(sum(self.h.values()) + c["m"], c["outHidden"], 1, c["outDrop"])

    def forward(self, x):
        n = x["T"].shape[0]
        h = {m: x["T"].new_zeros(n, self.h[m]) for m in M}
        c = dict(h)
        u = x["T"].new_zeros(n, self.c["m"])
        for t in range(x["T"].shape[1]):
            node = {}
            for m in M:
                before = c[m]
                h[m], c[m] = self.cells[m](x[m][:, t], (h[m], c[m]))
                node[m] = torch.relu(self.single[m](torch.cat([before, c[m]], 1)))
            e, at = self.efficacy(torch.cat([node[m] for m in M], 1)), 0
            for name, children in self.below.items():
                node[name] = self.nets[name](torch.cat([e[:, at + i : at + i + 1] * node[q] for i, q in enumerate(children)], 1))
                at += len(children)
            both = torch.cat([node["top"], u], 1)
            u = torch.sigmoid(self.gamma1(both)) * u + torch.sigmoid(self.gamma2(both)) * torch.tanh(self.att2(node["top"]))
        return self.out(torch.cat([h[m] for m in M] + [u], 1))


class MmmuBa(nn.Module):
    def __init__(self, c, d):
        super().__init__()
        self.drop = nn.Dropout(c["drop"])
        self.input = nn.Dropout(c["gruDrop"])
        self.gru = parts(lambda m: nn.GRU(d[m], c["r"], batch_first=True, bidirectional=True))
        self.dense = parts(lambda m: nn.Linear(2 * c["r"], c["k"]))
        self.out = nn.Linear(9 * c["k"], 1)

    def forward(self, x):
        h = {m: self.drop(torch.tanh(self.dense[m](self.drop(self.gru[m](self.input(x[m]))[0])))) for m in M}
        pairs = [torch.softmax(h[q] @ h[k].transpose(1, 2), -1) @ h[k] * h[q] for q in M for k in M if q != k]
        return torch.tanh(self.out(torch.cat(pairs + [h[m] for m in M], -1).mean(1)))


class BcLstm(nn.Module):
    """Both stages in one step, the second on detached features, as our graph of both."""

    def __init__(self, c, d):
        super().__init__()
        self.c = c
        lstm = lambda i, r: nn.LSTM(i, r, batch_first=True, bidirectional=True)
        self.first = parts(lambda m: nn.ModuleList([lstm(d[m], c["r1"]), nn.Linear(2 * c["r1"], c["feature1"]), nn.Linear(c["feature1"], 1)]))
        self.second = nn.ModuleList([lstm(3 * c["feature1"], c["r2"]), nn.Linear(2 * c["r2"], c["feature2"]), nn.Linear(c["feature2"], 1)])
        self.drop = nn.Dropout(c["drop"])

    def stage(self, nets, x, act, rate):
        feature = act(nets[1](self.drop(nets[0](F.dropout(x, rate))[0])))
        return feature, torch.tanh(nets[2](self.drop(feature).mean(1)))

    def forward(self, x):
        one = {m: self.stage(self.first[m], x[m], torch.tanh, self.c["inputDrop1"]) for m in M}
        self.others = [one[m][1] for m in M]
        return self.stage(self.second, torch.cat([one[m][0].detach() for m in M], -1), torch.relu, self.c["inputDrop2"])[1]


class Df(nn.Module):
    def __init__(self, c, d):
        super().__init__()
        net = lambda m: nn.Sequential(nn.Linear(d[m], c["fc1"]), nn.ReLU(), nn.Dropout(c["drop"]), nn.Linear(c["fc1"], c["fc2"]), nn.ReLU(), nn.Linear(c["fc2"], 1))
        self.first = parts(net)
        self.second = nn.Sequential(nn.Linear(3, c["fusionHidden"]), nn.ReLU(), nn.Linear(c["fusionHidden"], 1))

    def forward(self, x):
        self.others = [self.first[m](x[m].mean(1)) for m in M]
        return self.second(torch.cat([o.detach() for o in self.others], 1))


class BiGru(nn.Module):
    def __init__(self, c, d):
        super().__init__()
        self.gru = nn.GRU(sum(d.values()), c["r"], batch_first=True, bidirectional=True)
        self.fc, self.out = nn.Linear(2 * c["r"], c["k"]), nn.Linear(c["k"], 1)
        self.drop, self.input = nn.Dropout(c["drop"]), nn.Dropout(c["gruDrop"])

    def forward(self, x):
        h = self.drop(self.gru(self.input(torch.cat([x[m] for m in M], -1)))[0])
        return torch.tanh(self.out(self.drop(torch.relu(self.fc(h))).mean(1)))


SYSTEMS = {
    **{"ef-lstm": EfLstm, "mfn": Mfn, "mfm": Mfm, "marn": Marn, "mv-lstm": MvLstm, "tfn": Tfn, "dfg": Dfg},
    **{"mmmu-ba": MmmuBa, "bc-lstm": BcLstm, "df": Df, "bigru": BiGru},
}


class Bench:
    def __init__(self, request):
        torch.manual_seed(0)
        n, steps, widths = request["batch"], request["time"], request["widths"]
        self.net = SYSTEMS[request["system"]](request["config"], widths).train()
        self.adam = torch.optim.Adam(self.net.parameters(), 1e-3)
        self.x = {m: torch.rand(n, steps, w) * 2 - 1 for m, w in widths.items()}
        self.y = torch.rand(n, 1) * 2 - 1

    def step(self):
        self.net.extra, self.net.others = 0, []
        loss = F.l1_loss(self.net(self.x), self.y) + self.net.extra
        for other in self.net.others:
            loss = loss + F.l1_loss(other, self.y)
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()
        return loss.item()


if __name__ == "__main__":
    benches = {}
    for line in sys.stdin:
        request = json.loads(line)
        if request["system"] not in benches:
            benches[request["system"]] = bench = Bench(request)
            for _ in range(3):
                bench.step()
        bench, times, cpu = benches[request["system"]], [], []
        for _ in range(request["steps"]):
            begun, used = time.perf_counter(), time.process_time()
            bench.step()
            times.append((time.perf_counter() - begun) * 1000)
            cpu.append((time.process_time() - used) * 1000)
        answer = {"step_ms": times, "cpu_ms": cpu, "parameters": sum(p.numel() for p in bench.net.parameters()), "torch": torch.__version__}
        print(json.dumps(answer), flush=True)
