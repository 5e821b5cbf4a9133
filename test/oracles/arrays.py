"""Writes arrays.json: files of NumPy, h5py and pickle themselves, small and in base64, for test/data/arrays.test.ts.

pip install numpy h5py; python arrays.py  (run in an empty folder)
"""

import base64
import io
import json
import os
import pickle
import sys

import h5py
import numpy as np

a = np.arange(24).reshape(2, 3, 4) / 8 - 1
f4 = a.astype("f4")
out = {"shape": [2, 3, 4], "values": a.ravel().tolist()}


def b64(data):
    return base64.b64encode(data).decode()


def npy(x):
    f = io.BytesIO()
    np.save(f, x, allow_pickle=False)
    return b64(f.getvalue())


def npz(save):
    f = io.BytesIO()
    save(f, x=a, y=np.array([1, 2, 3]))
    return b64(f.getvalue())


half = np.array([0, -0.0, 1, -2.5, 6.1035e-05, 5.960464477539063e-08, 65504, np.inf, -np.inf, np.nan, 1 / 3], "<f2")
out["half"] = {"bytes": npy(half), "values": [str(float(v)) for v in half]}
kinds = {"float16": "<f2", "float32": "<f4", "float64": "<f8", "big-endian float32": ">f4"}
out["npy"] = {name: npy(a.astype(kind)) for name, kind in kinds.items()}
out["npy"]["Fortran order float64"] = npy(np.asfortranarray(a))
out["integers"] = {n: npy(np.array([[0, 1], [2, 3]], n)) for n in ("i1", "<i2", "<i4", "<i8", "u1", ">i4")}
out["bool"] = npy(np.array([True, False]))
out["text"] = npy(np.array(["a", "b"]))
out["npz"] = npz(np.savez)
out["npz compressed"] = npz(np.savez_compressed)

pickles = {}
for p in (2, 3, 4, 5):
    for name, x in (("float32", f4), ("float64", a), ("Fortran", np.asfortranarray(f4))):
        pickles[f"protocol {p}, {name}, numpy._core"] = b64(pickle.dumps(x, p))
for p in (2, 3):  # NumPy 1 wrote numpy.core; in these protocols names are lines, so the rest stays as it is
    pickles[f"protocol {p}, float32, numpy.core"] = b64(pickle.dumps(f4, p).replace(b"numpy._core", b"numpy.core"))
pickles["protocol 0, float32, numpy._core"] = b64(pickle.dumps(f4, 0))
out["pickles"] = pickles
plain = {"list": [1, 2.5, True, None, -70000, 10**12], "text": "é", "tuple": (1, (2, 3))}
out["python"] = b64(pickle.dumps({**plain, "scalar": np.float32(1.5), "int": np.int64(7)}, 2))


class Evil:
    def __init__(self, call):
        self.call = call

    def __reduce__(self):
        return self.call


system = Evil((os.system, ("touch pickle-ran",)))
out["evil"] = {f"os.system, protocol {p}": b64(pickle.dumps(system, p)) for p in (0, 2, 4)}
out["evil"]["eval inside a tuple"] = b64(pickle.dumps((a, Evil((eval, ("1",)))), 2))

hdf5 = {}


def h5(name, write):
    with h5py.File(name + ".h5", "w") as f:
        write(f)
    hdf5[name] = b64(open(name + ".h5", "rb").read())


def virtual(f):
    layout = h5py.VirtualLayout((2, 3, 4), "f4")
    layout[...] = h5py.VirtualSource("plain.h5", "d1", (2, 3, 4))
    f.create_virtual_dataset("d1", layout)


h5("plain", lambda f: f.__setitem__("d1", a))
h5("gzip", lambda f: f.create_dataset("d1", data=f4, compression="gzip", shuffle=True, fletcher32=True))
h5("lzf", lambda f: f.create_dataset("d1", data=np.ones((2, 3, 400), "f4"), compression="lzf"))
open("raw.bin", "wb").write(f4.tobytes())
h5("external", lambda f: f.create_dataset("d1", (2, 3, 4), "f4", external=[("raw.bin", 0, 96)]))
h5("device", lambda f: f.create_dataset("d1", (2, 3, 4), "f4", external=[("/dev/null", 0, 96)]))
h5("link", lambda f: f.__setitem__("d1", h5py.ExternalLink("plain.h5", "/d1")))
h5("soft", lambda f: f.__setitem__("d1", h5py.SoftLink("/nowhere")))
h5("virtual", virtual)
h5("bomb", lambda f: f.create_dataset("d1", (2000, 20, 3000), "f4", chunks=(1, 20, 300)))
h5("words", lambda f: f.__setitem__("d1", np.array([b"a", b"bc"])))
h5("word-bomb", lambda f: f.create_dataset("d1", (10**8,), "S8", chunks=(10**6,)))
h5("half", lambda f: f.__setitem__("d1", a.astype("f2")))
h5("other-key", lambda f: f.__setitem__("data", a))
out["hdf5"] = hdf5
out["from"] = f"numpy {np.__version__}, h5py {h5py.__version__}, Python {sys.version.split()[0]}"
json.dump(out, open("arrays.json", "w"), indent=0)
