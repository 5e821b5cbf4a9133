"""Writes pickles_python2.json: arrays as Python 2.7 and NumPy 1.16 pickle them (numpy.core, byte strings).

Run with Python 2.7 where NumPy 1.16.6 is installed.
"""

import base64
import cPickle
import json
import sys

import numpy as np

a = np.arange(24).reshape(2, 3, 4) / 8.0 - 1
f4 = a.astype("f4")
out = {}
for p in (0, 1, 2):
    for n, x in (("float32", f4), ("float64", a), ("Fortran", np.asfortranarray(f4))):
        out["Python 2, protocol %d, %s" % (p, n)] = base64.b64encode(cPickle.dumps(x, p))
out["Python 2, ndarray.dumps"] = base64.b64encode(a.dumps())
t = (f4, np.array([[1, 0], [0, 1]]), 3, [2, np.int64(1)])
made = {"pickles": out, "tuple": base64.b64encode(cPickle.dumps(t, 2)), "from": "numpy %s, Python %s" % (np.__version__, sys.version.split()[0])}
json.dump(made, open("pickles_python2.json", "w"), indent=0)
