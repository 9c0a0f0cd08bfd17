"""The estimate of a run's time: measured where it can be, all of its parts, and how busy the machine is."""

from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest

from auditlens.preview.costs import PARTS, Pricing, about
from auditlens.preview.crowd import Crowd
from auditlens.preview.looks import Asked, exactly
from auditlens.stages.planned_run import Span
from auditlens.store import Store
from auditlens.store.laps import Spent
from auditlens.store.rates import Rates, keep_rates

ALONE = Crowd(2, 1.0)
CROWDED = Crowd(2, 8.0)


@dataclass
class FakeContext:
    """What an estimate asks of a context."""

    store: Store
    index: tuple
    batch_size: int = 4
    released = None
    foundation = None
    model_key = {"on": "cpu", "threads": 1}
    spec = SimpleNamespace(foundation=None, artefacts={"ruler": None, "ink": None})
    subject = SimpleNamespace(
        digest="d",
        architecture="a",
        n_parameters=1000,
        n_operations=1_000_000_000,
        behind={"last": 1000},
        input_shape=(3, 224, 224),
    )


@pytest.fixture
def context(tmp_path):
    return FakeContext(Store(tmp_path), tuple(range(100)))


def step(n_stored=0, stage="clean-pass"):
    return Asked("Clean pass", stage, "audited", exactly(100), n_stored, exactly(100))


def priced(context, *asked, crowd=ALONE, n_again=0):
    pricing = Pricing(context, n_again, crowd)
    steps = pricing.steps(asked)
    return steps, pricing.cost(steps)


def known(context, n_images=100):
    parts = dict.fromkeys(PARTS, Spent(n_images, 20.0, 10.0))
    stages = {"clean-pass": Spent(50, 30.0, 5.0)}
    keep_rates(context.store.root, Rates(about(context), stages, parts, peak=10**9))


def test_the_sum_is_of_all_stages_and_of_what_every_run_takes(context):
    steps, cost = priced(context, step())
    assert [part.name for part in cost.parts] == list(PARTS)
    rows = [*steps, *cost.parts]
    assert cost.seconds.low == pytest.approx(sum(row.seconds.low for row in rows))
    assert cost.seconds.high == pytest.approx(sum(row.seconds.high for row in rows))
    assert not any(row.measured for row in rows)
    assert cost.parts[-1].seconds.low >= 5  # a report takes its time also where everything is stored


def test_rates_lie_between_a_machine_of_its_own_and_one_as_busy_as_then(context):
    known(context)
    (only,), cost = priced(context, step())
    assert only.measured
    assert only.seconds.low == pytest.approx(0.7 * 100 * 5 / 50)
    assert only.seconds.high == pytest.approx(1.4 * 100 * 30 / 50)
    assert all(part.measured for part in cost.parts)
    assert cost.parts[1].seconds == Span(low=0.7 * 10, high=1.4 * 20)


def test_a_busier_machine_than_then_raises_the_upper_end_alone(context):
    keep_rates(context.store.root, Rates(about(context), {"clean-pass": Spent(50, 5.0, 5.0)}))
    quiet, busy = (priced(context, step(), crowd=crowd)[0][0].seconds for crowd in (ALONE, CROWDED))
    assert quiet.low == busy.low
    assert busy.high == pytest.approx(4 * quiet.high)
    assert "4.0 times as long" in priced(context, step(), crowd=CROWDED)[1].time_basis


def test_an_assumption_takes_the_operations_that_were_counted(context):
    slow = replace(context, store=context.store)
    slow.subject = SimpleNamespace(**{**vars(context.subject), "n_operations": 10_000_000_000})
    less, more = (priced(one, step())[0][0].seconds.high for one in (context, slow))
    assert more > 5 * less


def test_further_groups_of_components_take_the_part_behind_the_layer(context):
    many = replace(step(stage="ablations"), forward=Span(low=100, high=30_000))
    whole = replace(step(), forward=Span(low=100, high=30_000))
    (groups, passes), _ = priced(context, many, whole)
    assert groups.seconds.high < passes.seconds.high / 10


def test_what_is_stored_takes_no_time_but_the_parts_do(context):
    (only,), cost = priced(context, step(n_stored=100))
    assert only.seconds == Span(low=0, high=0)
    assert cost.time_basis.startswith("nothing is left to compute")
    assert cost.seconds.low > 0


def test_more_images_than_then_take_up_to_as_much_more(context):
    known(context, n_images=50)
    _, cost = priced(context, step())
    assert cost.parts[1].seconds == Span(low=0.7 * 10, high=2 * 1.4 * 20)


def test_a_baseline_that_is_run_again_costs_up_to_a_run(context):
    (only,), cost = priced(context, step(n_stored=100), n_again=2)
    again = cost.parts[-1]
    assert again.title == "Running the model of 2 baselines again"
    assert again.seconds.low == 0
    assert again.seconds.high > 2 * only.seconds_anew.high
