"""Writes metrics.json beside it: expected values of metrics and tests from scikit-learn, scipy and statsmodels.

    pip install numpy scipy scikit-learn statsmodels && python test/oracles/metrics.py
"""
import json, pathlib
import numpy, scipy, sklearn, statsmodels
from scipy import stats
from sklearn import metrics
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import DescrStatsW

random = numpy.random.RandomState(7)


def classes(k, n):
    truth, guess = random.randint(0, k, n), random.randint(0, k, n)
    guess = numpy.where(random.rand(n) < 0.5, truth, guess)
    return dict(truth=truth.tolist(), guess=guess.tolist(), accuracy=metrics.accuracy_score(truth, guess),
                weightedF1=metrics.f1_score(truth, guess, average="weighted", zero_division=0),
                macroF1=metrics.f1_score(truth, guess, average="macro", zero_division=0),
                balancedAccuracy=metrics.balanced_accuracy_score(truth, guess),
                binaryF1=metrics.f1_score(truth == 1, guess == 1, zero_division=0))


def intensity(n):
    truth = numpy.round(random.uniform(-3, 3, n) * 5) / 5
    guess = truth * 0.6 + random.randn(n)
    a7 = lambda x: numpy.round(numpy.clip(x, -3, 3)).astype(int)
    return dict(truth=truth.tolist(), guess=guess.tolist(), MAE=metrics.mean_absolute_error(truth, guess),
                r=stats.pearsonr(truth, guess)[0], A7=metrics.accuracy_score(a7(truth), a7(guess)),
                A2=metrics.accuracy_score(truth >= 0, guess >= 0),
                A2non0=metrics.accuracy_score(truth[truth != 0] > 0, guess[truth != 0] > 0),
                F1=metrics.f1_score(truth >= 0, guess >= 0, average="weighted"))


def paired(n):
    a = 0.78 + 0.01 * random.randn(n)
    b = a - 0.004 + 0.008 * random.randn(n)
    t = stats.ttest_rel(a, b)
    w = stats.wilcoxon(a, b)
    interval = t.confidence_interval(0.95)
    seeds = stats.t.interval(0.95, n - 1, loc=a.mean(), scale=stats.sem(a))
    target, margin = 0.785, 0.01
    tost, *_ = DescrStatsW(a).ttost_mean(target - margin, target + margin)
    return dict(a=a.tolist(), b=b.tolist(), t=t.statistic, p=t.pvalue, low=interval.low, high=interval.high, wilcoxonP=w.pvalue,
                seeds=dict(mean=a.mean(), sd=a.std(ddof=1), low=seeds[0], high=seeds[1]),
                tost=dict(target=target, margin=margin, p=tost))


def power(n, sd, difference):
    critical, shift = stats.t.ppf(0.975, n - 1), difference / sd * n**0.5
    return dict(n=n, sd=sd, difference=difference,
                power=stats.nct.sf(critical, n - 1, shift) + stats.nct.cdf(-critical, n - 1, shift))


p = [0.01, 0.04, 0.03, 0.005, 0.2, 0.04]
oracle = dict(
    source="test/oracles/metrics.py: numpy %s, scipy %s, scikit-learn %s, statsmodels %s" % (
        numpy.__version__, scipy.__version__, sklearn.__version__, statsmodels.__version__),
    classes=[classes(2, 40), classes(3, 40), classes(7, 50)],
    intensity=[intensity(50)],
    paired=[paired(5), paired(10)],
    power=[power(5, 1, 1), power(10, 0.01, 0.005), power(2, 1, 3), power(30, 2, 0.1)],
    holm=dict(p=p, adjusted=multipletests(p, method="holm")[1].tolist()),
    mcnemar=[dict(b=b, c=c, p=mcnemar([[0, b], [c, 0]], exact=True).pvalue) for b, c in ((5, 15), (4, 4), (700, 800), (3, 2000))])
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(oracle) + "\n")
