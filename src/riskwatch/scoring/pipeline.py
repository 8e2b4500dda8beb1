"""River's parts as a learner state describes them: scaler, logistic regression, drift watch. Building them twice from
one state gives two that behave alike to the last bit."""

from __future__ import annotations

from river import drift, linear_model, optim, preprocessing, stats, utils

from riskwatch.scoring.snapshot import LearnerState


def river_pipeline(state: LearnerState) -> tuple[preprocessing.StandardScaler, linear_model.LogisticRegression]:
    """River's scaler and logistic regression as they were when `state` was taken."""
    features = [each.feature for each in state.inputs]
    scaler = preprocessing.StandardScaler()
    # Plain dictionaries instead of River's Counter and defaultdict: every feature is there from the beginning, and
    # learning the scale takes 8 µs for twenty features instead of 15.
    scaler.counts = dict(zip(features, state.counts, strict=True))
    scaler.means = dict(zip(features, state.means, strict=True))
    scaler.vars = dict(zip(features, state.variances, strict=True))
    settings = state.settings
    optimizer = optim.SGD(settings.learning_rate)
    optimizer.n_iterations = state.steps
    regression = linear_model.LogisticRegression(
        optimizer=optimizer,
        loss=optim.losses.Log(weight_pos=settings.positive_weight),
        l2=settings.l2,
        intercept_init=state.intercept,
        intercept_lr=settings.intercept_rate,
    )
    # All weights are there from the beginning, in the order of the inputs, so that sums run in one order for ever.
    regression._weights = utils.VectorDict(dict(zip(features, state.weights, strict=True)))
    return scaler, regression


def drift_watch(state: LearnerState) -> drift.PageHinkley:
    """Page-Hinkley on the log loss, upwards: the loss of the newest examples has risen above its mean. ADWIN would
    also do, but the state of River's lies in compiled code and could not go into a snapshot."""
    settings = state.settings
    watch = drift.PageHinkley(
        delta=settings.drift_delta, threshold=settings.drift_threshold, alpha=settings.drift_forgetting, mode="up"
    )
    watch._x_mean = stats.Mean._from_state(state.watch_n, state.watch_mean)
    watch._sum_increase, watch._sum_decrease = state.watch_up, state.watch_down
    watch._min_increase = float("inf") if state.watch_least is None else state.watch_least
    watch._max_decrease = state.watch_most
    watch._drift_detected = state.watch_drift
    return watch
