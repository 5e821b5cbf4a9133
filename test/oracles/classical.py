"""Writes classical.json, the oracle of test/models: python classical.py (numpy, scipy, scikit-learn, mpmath)."""

import json
import os

import mpmath
import numpy as np
import scipy
import sklearn
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

random = np.random.RandomState(7)
n, m = 36, 12  # training and test samples
A = np.round(random.randn(n + m, 3), 3)
V = np.round(random.randn(n + m, 2) * 3 + 1, 3)
score = A[:, 0] + 0.5 * A[:, 1] * A[:, 2] - 0.3 * V[:, 0] + 0.3 * random.randn(n + m)
classes = np.digitize(score, [-0.8, 0.4])
noisy = [score + 0.8 * random.randn(n + m) for _ in range(6)]
emotions = np.stack([(s > t).astype(int) for s, t in zip(noisy, (-1, -0.5, 0, 0.3, 0.6, 1))], 1)
intensity = np.round(np.clip(score, -3, 3), 2)
X = np.hstack([A, V]).astype(np.float32).astype(float)
train, test = slice(0, n), slice(n, None)
scaler = StandardScaler().fit(X[train])
Z, Ztest = scaler.transform(X[train]), scaler.transform(X[test])
gamma = 1 / (Z.shape[1] * Z.var())

out = {
    "source": f"scikit-learn {sklearn.__version__}, scipy {scipy.__version__}, mpmath {mpmath.__version__}; see classical.py",
    "data": dict(A=A.tolist(), V=V.tolist(), train=n, classes=classes.tolist(), emotions=emotions.tolist(), intensity=intensity.tolist()),
}


def logistic(y):
    return LogisticRegression(C=0.5, tol=1e-12, max_iter=100000).fit(Z, y).predict_proba(Ztest)


out["linear"] = dict(
    C=0.5,
    alpha=2.0,
    classes=logistic(classes[train]).tolist(),
    two=logistic((classes[train] > 0).astype(int)).tolist(),
    emotions=np.stack([logistic(emotions[train, e])[:, 1] for e in range(6)], 1).tolist(),
    intensity=Ridge(alpha=2.0).fit(Z, intensity[train] / 3).predict(Ztest).tolist(),
)


def svc(y, **options):
    return SVC(C=2.0, gamma=gamma, tol=1e-10, **options).fit(Z, y)


balanced = [svc(emotions[train, e], class_weight="balanced").decision_function(Ztest) for e in range(6)]
svr = SVR(C=2.0, gamma=gamma, epsilon=0.1, tol=1e-10).fit(Z, intensity[train])
out["svm"] = dict(
    C=2.0,
    epsilon=0.1,
    classes=svc(classes[train]).predict(Ztest).tolist(),
    balanced=svc(classes[train], class_weight="balanced").predict(Ztest).tolist(),
    emotionDecisions=np.stack(balanced, 1).tolist(),
    intensity=(svr.predict(Ztest) / 3).tolist(),
)

C = 0.7


def minimum(row_loss):
    """Weights and bias that minimise C * sum of row losses + |w|^2 / 2."""

    def objective(w):
        value, slope = row_loss(Z @ w[:-1] + w[-1])
        return C * value.sum() + w[:-1] @ w[:-1] / 2, np.r_[C * Z.T @ slope + w[:-1], C * slope.sum()]

    options = dict(maxiter=100000, maxfun=100000, ftol=1e-16, gtol=1e-11)
    return minimize(objective, np.zeros(Z.shape[1] + 1), jac=True, method="L-BFGS-B", options=options).x.tolist()


y = np.where(classes[train] > 0, 1.0, -1.0)
weight = np.where(y > 0, 1.0, 2.0)


def hinge(z):
    gap = np.maximum(0, 1 - y * z)
    return weight * gap**2, -2 * weight * y * gap


def tube(z):
    gap = np.maximum(0, np.abs(z - intensity[train]) - 0.2)
    return gap**2, 2 * np.sign(z - intensity[train]) * gap


out["squaredHinge"] = dict(C=C, weights=[1, 2], w=minimum(hinge))
out["squaredTube"] = dict(C=C, epsilon=0.2, w=minimum(tube))


def tree(kind, y, weight, **options):
    """The tree, or None where ties make it depend on the order in which features are tried."""
    keep = weight > 0
    trees = [kind(random_state=s, **options).fit(X[train][keep], y[keep], sample_weight=weight[keep]) for s in range(20)]
    first = trees[0]
    if any(not np.array_equal(first.tree_.feature, other.tree_.feature) for other in trees):
        return None
    predict = first.predict_proba if hasattr(first, "predict_proba") else first.predict
    return dict(
        weight=weight.tolist(),
        maxDepth=options["max_depth"],
        minLeaf=options["min_samples_leaf"],
        feature=first.tree_.feature.tolist(),
        threshold=first.tree_.threshold.tolist(),
        predict=np.ravel(predict(X[test])).tolist(),
    )


def unique_tree(kind, y, **options):
    while True:
        found = tree(kind, y, random.randint(0, 4, n), **options)
        if found:
            return found


out["trees"] = dict(
    classifier=unique_tree(DecisionTreeClassifier, classes[train], max_depth=3, min_samples_leaf=2),
    regressor=unique_tree(DecisionTreeRegressor, intensity[train], max_depth=4, min_samples_leaf=3),
)

mpmath.mp.dps = 60
exact = mpmath.mpf
exponents = [-745, -700.5, -50.25, -3.7, -1, -1e-9, 0, 1e-12, 0.1, 0.34657359, 0.5, 1, 2.5, 10.75, 88.3, 300.1, 700.9, 709.7]
positives = [1e-300, 1e-5, 0.3, 0.999999, 1.5, 2, 3.75, 1e10, 1e300]
out["exp"] = [[x, float(mpmath.exp(exact(x)))] for x in exponents]
out["log"] = [[x, float(mpmath.log(exact(x)))] for x in positives]

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "classical.json"), "w") as file:
    json.dump(out, file)
    file.write("\n")
