"""Golden cases of variants, computed in double precision with numpy and autograd (pip install numpy autograd).

python make.py  writes one .npz a case beside this file. Written from the systems' definitions, sequence by sequence and step
by step, without any of the repository's code: no packing, no hoisted products, no fused cells.
"""
import json
import os
import zipfile
from io import BytesIO

import autograd.numpy as np
import numpy
from autograd import grad
from autograd.extend import defvjp, primitive

M = ["text", "audio", "video"]
LETTER = {"text": "T", "audio": "A", "video": "V"}


@primitive
def stop(x):
    return x


defvjp(stop, lambda ans, x: lambda g: numpy.zeros_like(x))

sigmoid = lambda x: 1 / (1 + np.exp(-x))
hard = lambda x: np.minimum(np.maximum(0.2 * x + 0.5, 0), 1)
relu = lambda x: np.maximum(x, 0)
linear = lambda x: x
cat = np.concatenate
ACT = {"sigmoid": sigmoid, "hard_sigmoid": hard, "tanh": np.tanh, "relu": relu, "linear": linear}


def softmax(x):
    e = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)


class Case:
    """Weights are made where they are used, on the first pass; `w` holds them after."""

    def __init__(self, config, modalities, seed):
        self.c = config
        self.rng = numpy.random.default_rng(seed)
        self.modalities = modalities
        self.w = {}
        self.making = True
        self.outputs = {}
        self.loss = {}

    def param(self, name, *shape, low=None):
        if self.making:
            value = self.rng.uniform(-0.9, 0.9, shape) if low is None else self.rng.uniform(low, low + 1, shape)
            assert name not in self.w or self.w[name].shape == shape, name
            self.w.setdefault(name, value.astype(numpy.float32).astype(numpy.float64))
        return self.w[name]

    def dense(self, name, x, units, act=linear):
        return act(x @ self.param(name + "/kernel", x.shape[-1], units) + self.param(name + "/bias", units))

    def mlp(self, name, x, hidden, units, act=linear):
        return self.dense(name + "/fc2", self.dense(name + "/fc1", x, hidden, relu), units, act)

    def lstm(self, name, xs, h, act=sigmoid):
        """xs (L, d) -> h (L, h), c (L, h)."""
        K, U = self.param(name + "/kernel", xs.shape[1], 4 * h), self.param(name + "/recurrent", h, 4 * h)
        b = self.param(name + "/bias", 4 * h)
        ht, ct, hs, cs = np.zeros(h), np.zeros(h), [], []
        for x in xs:
            i, f, g, o = np.split(x @ K + ht @ U + b, 4)
            ct = act(f) * ct + act(i) * np.tanh(g)
            ht = act(o) * np.tanh(ct)
            hs.append(ht)
            cs.append(ct)
        return np.stack(hs), np.stack(cs)

    def gru(self, name, xs, r, act):
        K, U = self.param(name + "/kernel", xs.shape[1], 3 * r), self.param(name + "/recurrent", r, 3 * r)
        b = self.param(name + "/bias", 3 * r)
        h, hs = np.zeros(r), []
        for x in xs:
            p = x @ K + b
            z, reset = act(p[:r] + h @ U[:, :r]), act(p[r : 2 * r] + h @ U[:, r : 2 * r])
            c = np.tanh(p[2 * r :] + (reset * h) @ U[:, 2 * r :])
            h = z * h + (1 - z) * c
            hs.append(h)
        return np.stack(hs)

    def both(self, name, xs, r, act, cell):
        run = (lambda n, x: self.gru(n, x, r, act)) if cell == "gru" else (lambda n, x: self.lstm(n, x, r, act)[0])
        return cat([run(name + "/fwd", xs), run(name + "/bwd", xs[::-1])[::-1]], axis=1)

    def out(self, name, values):
        self.outputs[name] = values

    def rows(self, name, parts):
        self.out(name, cat(parts, axis=0))


def task_loss(config, logits, labels):
    """-> loss, prediction."""
    head = config["head"]
    if head == "softmax":
        p = softmax(logits)
        return -np.mean(np.log(p[numpy.arange(len(labels)), labels])), p
    if head == "sigmoid":
        p = sigmoid(logits)
        return -np.mean(labels * np.log(p) + (1 - labels) * np.log(1 - p)), p
    if head == "tanh":
        p = np.tanh(logits)
        return np.mean((p - labels) ** 2), p
    p = 6 * sigmoid(logits) - 3 if config["system"] == "tfn" else logits
    return np.mean(np.abs(p - labels)), p


def outs(config):
    return 1 if config["head"] in ("l1", "tanh") else config["classes"]


def finish(k, logits, labels):
    k.loss["task"], p = task_loss(k.c, logits, labels)
    k.out("logits", logits)
    k.out("probabilities" if k.c["head"] == "softmax" else "prediction", p)


def ef_lstm(k, x, labels, **_):
    c, H, C = k.c, [], []
    for seq in x:
        h, cell = k.lstm("lstm", cat([seq[m] for m in k.modalities], axis=1), c["h"])
        H.append(h)
        C.append(cell)
    k.rows("h", H)
    k.rows("c", C)
    fc = k.dense("fc", np.stack([h[-1] for h in H]), c["h"], relu)
    k.out("fc", fc)
    finish(k, k.dense("out", fc, outs(c)), labels)


def lstms(k, seq):
    return {m: k.lstm(f"lstm/{m}", seq[m], k.c["h"][m]) for m in k.modalities}


def before(v):
    return np.concatenate([np.zeros((1, v.shape[1])), v[:-1]], axis=0)


def memory(k, x, at=""):
    c, u, rows = k.c, np.zeros(k.c["m"]), []
    for row in x:
        u_hat = k.mlp(at + "att2", row, c["att2"], c["m"], np.tanh)
        seen = cat([row, u]) if c.get("gatesSeeMemory", True) else row
        g1, g2 = [k.mlp(at + n, seen, c[n], c["m"], sigmoid) for n in ("gamma1", "gamma2")]
        u = g1 * u + g2 * u_hat
        rows.append({"u_hat": u_hat, "gamma1": g1, "gamma2": g2, "memory": u})
    return u, {n: np.stack([r[n] for r in rows]) for n in rows[0]}


def mfn_last(k, x, at=""):
    seen, last = {}, []
    for seq in x:
        state = {m: k.lstm(f"{at}lstm/{m}", seq[m], k.c["h"][m]) for m in k.modalities}
        cells = [state[m][1] for m in k.modalities]
        c_star = cat([before(c) for c in cells] + cells, axis=1)
        attention = softmax(k.mlp(at + "att1", c_star, k.c["att1"], c_star.shape[1]))
        attended = attention * c_star
        u, values = memory(k, attended, at)
        values.update({"c_star": c_star, "attention": attention, "attended": attended})
        for m in k.modalities:
            values["h/" + m], values["c/" + m] = state[m]
        for name, v in values.items():
            seen.setdefault(name, []).append(v)
        last.append(cat([state[m][0][-1] for m in k.modalities] + [u]))
    for name, parts in seen.items():
        k.rows(at + name, parts)
    k.out(at + "last", np.stack(last))
    return np.stack(last)


def mfn(k, x, labels, **_):
    finish(k, k.mlp("out", mfn_last(k, x), k.c["outHidden"], outs(k.c)), labels)


def marn(k, x, labels, **_):
    c, ms, last, seen = k.c, k.modalities, [], {}
    D = sum(c["h"][m] for m in ms)
    width = c["z"] if c["fuse"] else sum(c["l"][m] for m in ms)
    for seq in x:
        h = {m: np.zeros(c["h"][m]) for m in ms}
        cell, z = dict(h), np.zeros(width)
        for t in range(len(seq[ms[0]])):
            for m in ms:
                d, n = c["h"][m], f"lsthm/{m}"
                gates = seq[m][t] @ k.param(n + "/kernel", seq[m].shape[1], 4 * d) + h[m] @ k.param(n + "/recurrent", d, 4 * d)
                gates = gates + z @ k.param(n + "/hybrid", width, 4 * d) + k.param(n + "/bias", 4 * d)
                i, f, g, o = np.split(gates, 4)
                cell[m] = sigmoid(f) * cell[m] + sigmoid(i) * np.tanh(g)
                h[m] = sigmoid(o) * np.tanh(cell[m])
            H = cat([h[m] for m in ms])
            scores = k.dense("attention", H, c["K"] * D)
            a = softmax(scores) if c["jointSoftmax"] else cat([softmax(p) for p in np.split(scores, c["K"])])
            attended, at, parts = a * np.tile(H, c["K"]), 0, []
            for m in ms:
                own = cat([attended[j * D + at : j * D + at + c["h"][m]] for j in range(c["K"])])
                parts.append(k.dense("reduce/" + m, own, c["l"][m]))
                at += c["h"][m]
            s = cat(parts)
            z = k.dense("fuse", s, c["z"]) if c["fuse"] else s
            row = {"attention": a, "s": s, "z": z}
            for m in ms:
                row["h/" + m], row["c/" + m] = h[m], cell[m]
            for name, v in row.items():
                seen.setdefault(name, []).append(v)
        last.append(cat([H, z]))
    for name, parts in seen.items():
        k.out(name, np.stack(parts))
    k.out("last", np.stack(last))
    finish(k, k.mlp("out", np.stack(last), c["outHidden"], outs(c)), labels)


def mv_lstm(k, x, labels, **_):
    c, ms, d, last, seen = k.c, k.modalities, k.c["d"], [], {}
    kept = numpy.zeros(d)
    n = int(c["beta"] * d)
    kept[(slice(0, n) if c["betaKeeps"] == "first" else slice(d - n, d))] = 1
    own = (numpy.arange(d) < int(c["alpha"] * d)).astype(float)
    for seq in x:
        h = {m: np.zeros(d) for m in ms}
        cell = dict(h)
        for t in range(len(seq[ms[0]])):
            new = {}
            for m in ms:
                at = f"cell/{m}"
                e = k.dense("embed/" + m, seq[m][t], c["e"])
                gates = e @ k.param(at + "/kernel", c["e"], 4 * d) + k.param(at + "/bias", 4 * d)
                for v in ms:
                    gates = gates + ((own if v == m else kept) * h[v]) @ k.param(f"{at}/recurrent/{v}", d, 4 * d)
                i, f, g, o = np.split(gates, 4)
                cell[m] = sigmoid(f) * cell[m] + sigmoid(i) * np.tanh(g)
                new[m] = sigmoid(o) * (np.tanh(cell[m]) if c["tanhC"] else cell[m])
            h = new
            row = {"step_logits": k.dense("out", cat([h[m] for m in ms]), outs(c))}
            for m in ms:
                row["h/" + m], row["c/" + m] = h[m], cell[m]
            for name, v in row.items():
                seen.setdefault(name, []).append(v)
        last.append(row["step_logits"])
    for name, parts in seen.items():
        k.out(name, np.stack(parts))
    finish(k, np.stack(last), labels)


def tfn(k, x, labels, **_):
    c, vectors = k.c, {}
    train = c["mode"] == "train"
    for m in k.modalities:
        if m == "text":
            H = [k.lstm("text/lstm", seq[m], c["textHidden"])[0] for seq in x]
            k.rows("text/h", H)
            vectors[m] = k.dense("text/fc", np.stack([h[-1] for h in H]), c["textOut"])
            continue
        mean = np.stack([np.mean(seq[m], axis=0) for seq in x])
        d, n = mean.shape[1], len(x)
        gamma, beta = k.param(f"{m}/bn/gamma", d, low=0.5), k.param(f"{m}/bn/beta", d)
        mm, mv = k.param(f"{m}/bn/moving_mean", d), k.param(f"{m}/bn/moving_variance", d, low=0.5)
        mu = np.mean(mean, axis=0) if train else mm
        var = np.mean((mean - mu) ** 2, axis=0) if train else mv
        if train:
            k.out(f"{m}/bn/batch_mean", mu)
            k.out(f"{m}/bn/batch_variance_biased", var)
            k.out(f"{m}/bn/new_moving_mean_pytorch", 0.9 * mm + 0.1 * mu)
            k.out(f"{m}/bn/new_moving_variance_pytorch", 0.9 * mv + 0.1 * var * n / (n - 1))
            k.out(f"{m}/bn/new_moving_mean_tfkeras", 0.99 * mm + 0.01 * mu)
            k.out(f"{m}/bn/new_moving_variance_tfkeras", 0.99 * mv + 0.01 * var)
        v = gamma * (mean - mu) / np.sqrt(var + c["bnEpsilon"]) + beta
        k.out(f"{m}/mean", mean)
        k.out(f"{m}/bn", v)
        for i in (1, 2, 3):
            v = k.dense(f"{m}/fc{i}", v, c[m + "Hidden"], relu)
        vectors[m] = v
    for m, v in vectors.items():
        k.out(m + "/out", v)
    z = np.ones((len(x), 1))
    for m in c["order"]:
        v = np.concatenate([np.ones((len(x), 1)), vectors[m]], axis=1)
        z = np.stack([np.outer(z[b], v[b]).reshape(-1) for b in range(len(x))])
    fc1 = k.dense("fusion/fc1", z, c["fusionHidden"], relu)
    fc2 = k.dense("fusion/fc2", fc1, c["fusionHidden"], relu)
    k.out("fusion", z)
    k.out("fusion/fc1", fc1)
    k.out("fusion/fc2", fc2)
    finish(k, k.dense("fusion/out", fc2, outs(c)), labels)


def dfg(k, x, labels, **_):
    c, ms, last, seen = k.c, k.modalities, [], {}
    act = ACT[c["efficacy"]]
    multi = [s for s in (["text", "audio"], ["text", "video"], ["audio", "video"], M) if all(m in ms for m in s)]
    all_nodes = [[m] for m in ms] + multi
    for seq in x:
        state = lstms(k, seq)
        which = 1 if c["singletonFrom"] == "c" else 0
        node = {}
        for m in ms:
            v = state[m][which]
            node[m] = k.dense("singleton/" + m, cat([before(v), v], axis=1), c["singleton"][m], relu)
        s = cat([node[m] for m in ms], axis=1)
        below = lambda S: [q for q in all_nodes if len(q) < len(S) and all(m in S for m in q)]
        edges = sum(len(below(S)) for S in multi) + len(all_nodes)
        alpha = k.dense("efficacy/core", k.dense("efficacy/in", s, c["core"]), c["efficacyCoreOut"])
        alpha = k.dense("efficacy/out", alpha, edges, act)
        e = 0
        for S, name in [(S, "node/" + "_".join(S)) for S in multi] + [(None, "top")]:
            parts = []
            for q in all_nodes if S is None else below(S):
                parts.append(alpha[:, e : e + 1] * node["_".join(q)])
                e += 1
            v = k.dense(name + "/core", k.dense(name + "/in", cat(parts, axis=1), c["core"]), c["node"])
            node["_".join(S) if S else "T"] = v
        u, values = memory(k, node["T"])
        values.update({"efficacies": alpha, "T": node["T"]})
        for name, v in node.items():
            if name != "T":
                values["node/" + name] = v
        for m in ms:
            values["h/" + m], values["c/" + m] = state[m]
        for name, v in values.items():
            seen.setdefault(name, []).append(v)
        last.append(cat([state[m][0][-1] for m in ms] + [u]))
    for name, parts in seen.items():
        k.rows(name, parts)
    k.out("last", np.stack(last))
    finish(k, k.mlp("out", np.stack(last), c["outHidden"], outs(c)), labels)


def mmmu_ba(k, x, labels, **_):
    c, ms, act, seen, logits = k.c, k.modalities, ACT[k.c["recurrentActivation"]], {}, []
    longest = c["maxLength"]
    for seq in x:
        L = len(seq[ms[0]])
        row, full = {}, {}
        for m in ms:
            h = k.both("gru/" + m, seq[m], c["r"], act, "gru")
            row["gru/" + m] = h
            if "padded" in c["case"]:  # the forward GRU repeats its last state there, the backward one gives zeros
                repeated = np.concatenate([h[-1, : c["r"]], np.zeros(c["r"])])
                h = np.concatenate([h, np.tile(repeated, (longest - L, 1))], axis=0) if L < longest else h
            full[m] = k.dense("dense/" + m, h, c["k"], ACT[c["denseActivation"]])
            row["dense/" + m] = full[m][:L]
        merged, kind = [], c.get("attention", "MMMU-BA")
        own = [p for p in c["mergeOrder"] if "_" not in p] if kind in ("MU-SA", "MMUU-SA") else []
        for m in own:
            if kind == "MU-SA":
                o = softmax(full[m] @ full[m].T) @ full[m]
            else:  # the modalities of one utterance
                scores = softmax(np.stack([np.sum(full[m] * full[j], axis=1) for j in ms], axis=1))
                o = sum(scores[:, i : i + 1] * full[j] for i, j in enumerate(ms))
            row[f"attended/{m}_{m}"] = o * full[m]
            merged.append(row[f"attended/{m}_{m}"])
        for part in c["mergeOrder"]:
            if "_" in part and kind != "MMMU-BA":
                continue
            if "_" not in part:
                merged.append(full[part][:L])
                continue
            q, key = part.split("_")
            a = softmax(full[q][:L] @ full[key].T)
            weights = np.concatenate([a, np.zeros((L, longest - a.shape[1]))], axis=1)
            row["attention/" + part] = weights
            row["attended/" + part] = (a @ full[key]) * full[q][:L]
            merged.append(row["attended/" + part])
        row["merged"] = cat(merged, axis=1)
        for name, v in row.items():
            seen.setdefault(name, []).append(v)
        pooled = row["merged"] if c["perStep"] else np.mean(row["merged"], axis=0)[None]
        logits.append(k.dense("out", pooled, outs(c)))
    for name, parts in seen.items():
        k.rows(name, parts)
    finish(k, cat(logits, axis=0), labels)


def bc_lstm(k, x, labels, **_):
    c, act, stage1 = k.c, ACT[k.c["recurrentActivation"]], []

    def stage(name, xs, r, width, f, kind):
        h = [k.both(name + "/lstm", v, r, act, "lstm") for v in xs]
        feature = [k.dense(name + "/feature", v, width, f) for v in h]
        pool = lambda v: v if c["perStep"] else np.mean(v, axis=0)[None]
        logits = cat([k.dense(name + "/out", pool(v), outs(c)) for v in feature], axis=0)
        k.rows(name + "/h", h)
        k.rows(name + "/feature", feature)
        return feature, logits

    for m in k.modalities:
        feature, logits = stage("stage1/" + m, [seq[m] for seq in x], c["r1"], c["feature1"], np.tanh, 1)
        k.loss["stage1/" + m], p = task_loss(c, logits, labels)
        k.out(f"stage1/{m}/logits", logits)
        k.out(f"stage1/{m}/" + ("probabilities" if c["head"] == "softmax" else "prediction"), p)
        stage1.append(feature)
    joined = [cat([stop(f[b]) for f in stage1], axis=1) for b in range(len(x))]
    _, logits = stage("stage2", joined, c["r2"], c["feature2"], relu, 2)
    finish(k, logits, labels)


def mfm(k, x, labels, gauss=None, **_):
    c, n = k.c, len(x)

    def mmd(name, z):
        g = gauss[name]
        K = lambda a, b: np.mean(np.exp(-np.sum((a[:, None] - b[None]) ** 2, axis=2) / a.shape[1] ** 2))
        k.loss["mmd/" + name] = K(g, g) + K(z, z) - 2 * K(g, z)

    def factor(name, z):
        mmd(name, z)
        f = k.mlp("f/" + name, z, c["f"][name], c["f"][name], relu)
        k.out("z/" + name, z)
        k.out("f/" + name, f)
        return f

    fy = factor("y", k.dense("zy/fc", mfn_last(k, x, "mfn/"), c["z"]["y"]))
    for m in k.modalities:
        last = np.stack([k.lstm(f"enc/{m}/lstm", seq[m], c["h"][m])[0][-1] for seq in x])
        f = np.concatenate([fy, factor(m, k.dense(f"enc/{m}/fc", last, c["z"][m]))], axis=1)
        w, hs, reconstructed = f.shape[1], [], []
        at = f"dec/{m}/lstm"
        K, U, b = k.param(at + "/kernel", w, 4 * w), k.param(at + "/recurrent", w, 4 * w), k.param(at + "/bias", 4 * w)
        for s in range(n):
            inp, h, cell = f[s], np.zeros(w), np.zeros(w)
            for _ in range(len(x[s][m])):
                i, fg, g, o = np.split(inp @ K + h @ U + b, 4)
                cell = sigmoid(fg) * cell + sigmoid(i) * np.tanh(g)
                h = sigmoid(o) * np.tanh(cell)
                inp = h
                hs.append(h)
        r = k.dense(f"dec/{m}/fc", np.stack(hs), x[0][m].shape[1])
        k.out(f"dec/{m}/h", np.stack(hs))
        k.out("reconstruction/" + m, r)
        k.loss["mse/" + m] = np.mean((r - cat([seq[m] for seq in x], axis=0)) ** 2)
    finish(k, k.mlp("y", fy, c["f"]["y"], outs(c)), labels)


def df(k, x, labels, **_):
    c, scores = k.c, []
    for m in k.modalities:
        at = "stage1/" + m
        mean = np.stack([np.mean(seq[m], axis=0) for seq in x])
        fc1 = k.dense(at + "/fc1", mean, c["fc1"], relu)
        fc2 = k.dense(at + "/fc2", fc1, c["fc2"], relu)
        logits = k.dense(at + "/out", fc2, outs(c))
        k.loss[at], p = task_loss(c, logits, labels)
        for name, v in {"mean": mean, "fc1": fc1, "fc2": fc2, "logits": logits}.items():
            k.out(f"{at}/{name}", v)
        scores.append(stop(p))
    joined = cat(scores, axis=1)
    fc1 = k.dense("stage2/fc1", joined, c["fusionHidden"], relu)
    k.out("stage2/input", joined)
    k.out("stage2/fc1", fc1)
    finish(k, k.dense("stage2/out", fc1, outs(c)), labels)


def cia(k, x, labels, **_):
    c, ms, act = k.c, k.modalities, ACT[k.c["recurrentActivation"]]
    r, width = c["sizes"]["r"], c["sizes"]["k"]
    L = [LETTER[m] for m in ms]
    word = {v: n for n, v in LETTER.items()}
    if len(L) == 3:
        ordered, pairs = ["TA", "TV", "AT", "AV", "VT", "VA"], ["TA", "AV", "VT"]
    elif len(L) == 2:
        ordered, pairs = ["".join(L), "".join(L[::-1])], ["".join(L)]
    else:
        ordered, pairs = [L[0] * 2], [L[0] * 2]
    X = {a: cat([seq[word[a]] for seq in x], axis=0) for a in L}
    lengths = [len(seq[ms[0]]) for seq in x]
    split = lambda v: np.split(v, numpy.cumsum(lengths)[:-1])
    F = {}

    def branch(at, name, v, tap):
        h = cat([k.both(at + "/gru", s, r, act, "gru") for s in split(v)], axis=0)
        F[name] = k.dense(at + "/fc", h, width, relu)
        k.out(f"{tap}/{name}", h)
        k.out("F/" + name, F[name])

    if c["iim"] is not False:
        for p in ordered:
            v = X[p[0]]
            for name, units in (("enc1", 3), ("enc2", 2), ("enc3", 1)):
                v = k.dense(f"iim/{p}/{name}", v, units * width, np.tanh)
            k.out("code/" + p, v)
            branch("inter/" + p, p, v, "inter_gru")
            if c["iim"] == "encoders-only":
                continue
            for name, units in (("dec1", 2), ("dec2", 3)):
                v = k.dense(f"iim/{p}/{name}", v, units * width, np.tanh)
            v = k.dense(f"iim/{p}/out", v, X[p[1]].shape[1], np.tanh)
            k.out("recon/" + p, v)
            k.loss["mse/" + p] = np.mean((v - X[p[1]]) ** 2)
    for a in L:
        branch("plain/" + a, a, X[a], "plain_gru")
    rep, longest = [], max(lengths)

    def cam(name, q, key):
        att, out = [], []
        for a, b in zip(split(q), split(key)):
            w = softmax(a @ b.T)
            out.append((w @ b) * a)
            att.append(np.concatenate([w, np.zeros((len(a), longest - len(a)))], axis=1))
        k.rows("att/" + name, att)
        k.rows("cam/" + name, out)
        rep.append(cat(out, axis=0))

    for p in pairs:
        bi = k.dense(f"pair/{p}/bi", F[p[0]] if p[0] == p[1] else cat([F[p[0]], F[p[1]]], axis=1), width, relu)
        k.out("BI/" + p, bi)
        if c["iim"] is False:
            cam(p + "/BI_BI", bi, bi)
            continue
        m = (F[p] + F[p[::-1]]) / 2
        k.out("M/" + p, m)
        if c["cam"] == "both":
            cam(p + "/BI_M", bi, m)
        cam(p + "/M_BI", m, bi)
    z = cat(rep, axis=1)
    k.out("rep", z)
    if c["merge"]:
        z = k.dense("merge", z, width, relu)
        k.out("Z", z)
    if not c["perStep"]:
        z = np.stack([np.mean(s, axis=0) for s in split(z)])
        k.out("pooled", z)
    finish(k, k.dense("head", z, outs(c)), labels)


def bigru(k, x, labels, **_):
    c, gru, fc, logits = k.c, [], [], []
    for seq in x:
        gru.append(k.both("gru", cat([seq[m] for m in k.modalities], axis=1), c["r"], sigmoid, "gru"))
        fc.append(k.dense("fc", gru[-1], c["k"], relu))
        logits.append(k.dense("out", fc[-1] if c["perStep"] else np.mean(fc[-1], axis=0)[None], outs(c)))
    k.rows("gru", gru)
    k.rows("fc", fc)
    finish(k, cat(logits, axis=0), labels)


SYSTEMS = {f.__name__: f for f in (ef_lstm, mfn, marn, mv_lstm, tfn, dfg, mmmu_ba, bc_lstm, mfm, df, cia, bigru)}
WIDTHS = {"text": 4, "audio": 3, "video": 2}
MEMORY = {"m": 3, "att1": 4, "att2": 3, "gamma1": 3, "gamma2": 4, "h": {"text": 3, "audio": 2, "video": 2}, "outHidden": 4}
MFM = {
    **MEMORY,
    "z": {"text": 3, "audio": 2, "video": 2, "y": 4},
    "f": {"text": 2, "audio": 2, "video": 3, "y": 3},
    "lossWeights": {"task": 1.0, "mse/text": 0.2, "mse/audio": 0.6, "mse/video": 0.4, "mmd": 1.5},
}
GRAPH = {
    **{n: MEMORY[n] for n in ("m", "att2", "gamma1", "gamma2", "h", "outHidden")},
    **{"node": 4, "core": 3, "efficacyCoreOut": 2, "singleton": {"text": 3, "audio": 2, "video": 2}},
}
MULTI = {"h": {"text": 3, "audio": 2, "video": 2}, "K": 3, "l": {"text": 2, "audio": 1, "video": 2}, "outHidden": 4}
TFN = {"textHidden": 3, "textOut": 2, "audioHidden": 3, "videoHidden": 2, "fusionHidden": 4, "bnEpsilon": 1e-5}
CIA = {"cam": "both", "merge": True, "iim": True, "recurrentActivation": "sigmoid"}
SIZES = {"r": 2, "k": 3}
BA = {"r": 2, "k": 3, "recurrentActivation": "hard_sigmoid", "perStep": True}
MOSI = ["video_text", "text_video", "audio_video", "video_audio", "text_audio", "audio_text", "video", "audio", "text"]
MOSEI = ["video_audio", "video_text", "audio_video", "audio_text", "text_video", "text_audio", "video", "audio", "text"]
BC = {"r1": 2, "feature1": 3, "r2": 2, "feature2": 4, "perStep": True, "recurrentActivation": "sigmoid"}

# case, system, head, modalities, seed, config
CASES = [
    ("ef_lstm_TV_l1", "ef_lstm", "l1", ["text", "video"], 1, {"h": 3}),
    ("mfn_sigmoid", "mfn", "sigmoid", M, 2, MEMORY),
    ("mfn_V_l1", "mfn", "l1", ["video"], 3, MEMORY),
    ("mfn_paper_gates_TV_softmax", "mfn", "softmax", ["text", "video"], 29, {**MEMORY, "gatesSeeMemory": False}),
    ("marn_joint_l1", "marn", "l1", M, 4, {**MULTI, "jointSoftmax": True, "fuse": False}),
    ("marn_joint_fuse_AV_softmax", "marn", "softmax", ["audio", "video"], 5, {**MULTI, "jointSoftmax": True, "fuse": True, "z": 3}),
    ("mv_lstm_coupled_betafirst_tanh", "mv_lstm", "tanh", M, 6, {"d": 4, "e": 3, "alpha": 0.0, "beta": 0.5, "betaKeeps": "first", "tanhC": True}),
    ("mv_lstm_full_softmax", "mv_lstm", "softmax", M, 7, {"d": 3, "e": 2, "alpha": 1.0, "beta": 1.0, "betaKeeps": "last", "tanhC": False}),
    ("mv_lstm_betalast_l1", "mv_lstm", "l1", ["text", "audio"], 8, {"d": 5, "e": 2, "alpha": 0.5, "beta": 0.5, "betaKeeps": "last", "tanhC": False}),
    ("dfg_mmsa_softmax", "dfg", "softmax", M, 9, {**GRAPH, "singletonFrom": "h", "efficacy": "linear"}),
    ("dfg_TV_l1", "dfg", "l1", ["text", "video"], 10, {**GRAPH, "singletonFrom": "c", "efficacy": "sigmoid"}),
    ("tfn_eval_AVT_l1", "tfn", "l1", M, 11, {**TFN, "mode": "eval", "order": ["audio", "video", "text"]}),
    ("tfn_train_l1", "tfn", "l1", M, 12, {**TFN, "mode": "train", "order": M, "bnEpsilon": 1e-3}),
    ("tfn_train_AV_sigmoid", "tfn", "sigmoid", ["audio", "video"], 13, {**TFN, "mode": "train", "order": ["audio", "video"]}),
    ("mmmu_ba_released_padded_softmax", "mmmu_ba", "softmax", M, 14, {**BA, "denseActivation": "tanh", "mergeOrder": MOSI}),
    ("mmmu_ba_mosei_pooled_tanh", "mmmu_ba", "tanh", M, 15, {**BA, "denseActivation": "relu", "mergeOrder": MOSEI, "perStep": False, "recurrentActivation": "sigmoid"}),
    ("mmmu_ba_MU_SA_softmax", "mmmu_ba", "softmax", M, 26, {**BA, "denseActivation": "tanh", "mergeOrder": MOSI, "attention": "MU-SA"}),
    ("mmmu_ba_MMUU_SA_l1", "mmmu_ba", "l1", M, 27, {**BA, "denseActivation": "tanh", "mergeOrder": MOSI, "attention": "MMUU-SA"}),
    ("mmmu_ba_none_TA_softmax", "mmmu_ba", "softmax", ["text", "audio"], 28, {**BA, "denseActivation": "relu", "mergeOrder": ["audio", "text"], "attention": "none"}),
    ("bc_lstm_logistic_softmax", "bc_lstm", "softmax", M, 16, BC),
    ("bc_lstm_pooled_AV_l1", "bc_lstm", "l1", ["audio", "video"], 17, {**BC, "perStep": False, "recurrentActivation": "hard_sigmoid"}),
    ("mfm_AV_l1", "mfm", "l1", ["audio", "video"], 18, MFM),
    ("mfm_TA_equal_softmax", "mfm", "softmax", ["text", "audio"], 19, {**MFM, "lengths": [3, 3, 3]}),
    ("df_l1", "df", "l1", M, 20, {"fc1": 4, "fc2": 3, "fusionHidden": 4}),
    ("df_TV_sigmoid", "df", "sigmoid", ["text", "video"], 21, {"fc1": 4, "fc2": 3, "fusionHidden": 4}),
    ("bigru_perstep_softmax", "bigru", "softmax", M, 30, {"r": 2, "k": 3, "perStep": True}),
    ("cia_V_M_BI_perstep", "cia", "softmax", ["video"], 22, {**CIA, "cam": "M_BI", "perStep": True}),
    ("cia_TV_tanh_pooled", "cia", "tanh", ["text", "video"], 23, {**CIA, "merge": False, "perStep": False}),
    ("cia_AV_noIIM_sigmoid", "cia", "sigmoid", ["audio", "video"], 24, {**CIA, "iim": False, "perStep": True, "recurrentActivation": "hard_sigmoid"}),
    ("cia_TA_encoders_only", "cia", "softmax", ["text", "audio"], 25, {**CIA, "iim": "encoders-only", "cam": "M_BI", "perStep": False}),
]


def make(case, system, head, modalities, seed, settings):
    lengths = settings.get("lengths", [4, 1, 3])
    config = {"case": case, "system": system, "head": head, "classes": {"softmax": 3, "sigmoid": 6}.get(head, 1), "lengths": lengths}
    config.update({"perStep": False, "maxLength": max(lengths), **settings, "inputWidths": {m: WIDTHS[m] for m in modalities}})
    if system == "cia":
        config.update({"modalities": modalities, "sizes": {**SIZES, "d": {m: WIDTHS[m] for m in modalities}}})
    rng = numpy.random.default_rng(1000 + seed)
    exact = lambda v: v.astype(numpy.float32)
    offsets = numpy.concatenate([[0], numpy.cumsum(lengths)]).astype(numpy.int32)
    inputs = {m: exact(rng.uniform(-1, 1, (offsets[-1], WIDTHS[m]))) for m in modalities}
    units = int(offsets[-1]) if config["perStep"] else len(lengths)
    if head == "softmax":
        labels = (numpy.arange(units) % 3).astype(numpy.int32)
    elif head == "sigmoid":
        labels = exact(rng.integers(0, 2, (units, 6)))
    else:
        labels = exact(rng.uniform(-0.9, 0.9, (units, 1)) + (1.5 if head == "l1" else 0))
    gauss = {n: exact(rng.normal(size=(len(lengths), w))) for n, w in config.get("z", {}).items() if n in [*modalities, "y"]} if system == "mfm" else {}
    double = lambda v: v.astype(numpy.float64) if v.dtype == numpy.float32 else v
    x = [{m: double(inputs[m])[offsets[b] : offsets[b + 1]] for m in modalities} for b in range(len(lengths))]
    k = Case(config, modalities, seed)

    def total(w):
        k.w, k.outputs, k.loss = w, {}, {}
        SYSTEMS[system](k, x, double(labels), gauss={n: double(g) for n, g in gauss.items()})
        weight = lambda name: config.get("lossWeights", {}).get(name, config.get("lossWeights", {}).get(name.split("/")[0], 1.0))
        return sum(weight(name) * value for name, value in k.loss.items())

    k.loss["total"] = total(k.w)
    k.making = False
    weights, outputs, losses = dict(k.w), dict(k.outputs), {n: float(v) for n, v in k.loss.items()}
    losses["total"] = float(total(weights))
    gradients = grad(total)(weights)
    config["weights"] = {n: list(v.shape) for n, v in weights.items()}
    entries = {"config": numpy.frombuffer(json.dumps(config).encode(), dtype=numpy.uint8), "offsets": offsets, "labels": labels}
    entries.update({"input/" + m: v for m, v in inputs.items()})
    entries.update({"input/gauss/" + n: v for n, v in gauss.items()})
    entries.update({"weight/" + n: exact(v) for n, v in weights.items()})
    entries.update({"output/" + n: numpy.asarray(v, dtype=numpy.float64) for n, v in outputs.items()})
    entries.update({"loss/" + n: numpy.asarray(v, dtype=numpy.float64) for n, v in losses.items()})
    entries.update({"grad/" + n: numpy.asarray(g, dtype=numpy.float64) for n, g in gradients.items() if "moving_" not in n})
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), case + ".npz")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in entries.items():
            buffer = BytesIO()
            numpy.lib.format.write_array(buffer, numpy.ascontiguousarray(value).reshape(value.shape), version=(1, 0))
            archive.writestr(zipfile.ZipInfo(name + ".npy", (1980, 1, 1, 0, 0, 0)), buffer.getvalue(), zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    for case in CASES:
        make(*case)
        print(case[0])
