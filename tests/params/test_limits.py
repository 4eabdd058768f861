"""Limits that follow from params.yaml alone are named by the check, by the keys that they follow from."""

import copy

import pytest
from toy_study import write

from ganspeed.compare.statistics import sign_flip_p
from ganspeed.params.base import ParamsError
from ganspeed.params.limits import MAX_PAIRS
from ganspeed.params.load import load_params, parse_params
from ganspeed.scoring.feature_metrics import manifold

CELEBA = {"source": "celeba", "image_size": 64, "holdout": 1000, "split_seed": 0, "attributes": ["Male"]}
INFOGAN = {"objective": "infogan", "n_critic": 1, "categorical": 1000, "continuous": 2, "lambda_info": 1.0}
GROW = {"factor": 2, "every": 300, "largest": 256}
MNIST_128 = {"source": "mnist", "image_size": 128, "holdout": 497, "split_seed": 0}


def mistakes(document, limits: bool = True) -> list[str]:
    try:
        parse_params(document, limits)
    except ParamsError as error:
        return error.mistakes
    return []


def put(document, path: str, value):
    *parents, last = path.split(".")
    for key in parents:
        document = document[key]
    document[last] = value


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"evaluate.kid_subset_size": 498}, "evaluate.kid_subset_size: 498 is more than the 497 images of datasets.di"),
        ({"evaluate.mode_min_count": 498}, "evaluate.mode_min_count: 498 is more than the 497 images of datasets.digi"),
        ({"evaluate.neighbours": 5000}, "5,000 is not < 497, the points by datasets.digits.data.holdout"),
        (
            {"evaluate.neighbours": 10, "evaluate.manifold_samples": 10},
            "evaluate.neighbours: 10 is not < 10, the points by evaluate.manifold_samples",
        ),
        (
            {"evaluate.neighbours": 100, "datasets.digits.evaluate.samples": 100},
            "evaluate.neighbours: 100 is not < 100, the points by datasets.digits.evaluate.samples",
        ),
        (
            {"datasets.digits.features.dim": 497},
            "datasets.digits.features.dim: 497 is not < 497, the images by datasets.digits.data.holdout",
        ),
        (
            {"datasets.digits.features.dim": 100, "datasets.digits.evaluate.samples": 100},
            "datasets.digits.features.dim: 100 is not < 100, the images by datasets.digits.evaluate.samples",
        ),
        (
            {"compare.seeds": list(range(25))},
            "compare.seeds: 25 seeds; the exact test of paired seeds takes at most 20",
        ),
        (
            {"datasets.digits.train.updates": 10**9, "datasets.digits.train.log_every": 1},
            "datasets.digits.train.log_every: 1 gives 1,000,000,000 rows; allowed: 1,000,000",
        ),
        (
            {"datasets.digits.evaluate.samples": 10**6, "datasets.digits.networks.latent.dim": 8192},
            "evaluate.samples x networks.latent.dim = 8,192,000,000 values of one array; allowed: 2,147,483,648",
        ),
        (
            {"datasets.digits.train.batch_size": 804},
            "datasets.digits.train.batch_size: 804 is not <= 803, the pictures for train by datasets.digits.data.",
        ),
    ],
)
def test_a_limit_of_several_keys_names_them(changes, message, document):
    for path, value in changes.items():
        put(document, path, value)
    assert any(message in mistake for mistake in mistakes(document)), mistakes(document)


@pytest.mark.parametrize("own", [False, True])
def test_networks_that_no_memory_holds_are_named_those_of_a_variant_too(own, document):
    data = {"source": "mnist", "image_size": 8, "holdout": 497, "split_seed": 0}
    document["datasets"]["digits"]["data"], document["datasets"]["digits"]["train"]["batch_size"] = data, 32_768
    wide = {"D": {"width": 1024}, "latent": {"dim": 8192}}
    if own:
        document["variants"]["gan"]["networks"] = wide
    else:
        document["datasets"]["digits"]["networks"] |= {"D": {"width": 1024, "hidden": 0}, "latent": {"dim": 8192}}
    assert mistakes(document) == []  # half a gigabyte, on 8 pixels
    data["image_size"], document["datasets"]["digits"]["evaluate"]["samples"] = 32, 10**6
    label = "variants.gan.networks" if own else "networks"
    assert [mistake.split(" values")[0] for mistake in mistakes(document)] == [
        f"datasets.digits: train.batch_size x {label}' width x pixels / 4 = 8,589,934,592",
        f"datasets.digits: evaluate.samples x {label}.latent.dim = 8,192,000,000",
    ]


@pytest.mark.parametrize("key", ["G", "D", "grow"])
def test_a_batch_of_a_variants_own_that_no_memory_holds_is_named(key, document):
    document["datasets"]["digits"]["data"], document["datasets"]["digits"]["networks"]["D"]["width"] = CELEBA, 64
    for size, most in ((32_768, True), (32_769, False)):
        document["variants"]["gan"]["batches"] = {key: GROW | {"largest": size} if key == "grow" else size}
        assert (mistakes(document) == []) is most
    name = "grow.largest" if key == "grow" else key
    product = f"variants.gan.batches.{name} x networks' width x pixels / 4 = 2,147,549,184 values"
    assert [line.split(" of one")[0] for line in mistakes(document)] == [f"datasets.digits: {product}"]


def test_codes_count_among_the_numbers_that_g_is_fed(document):
    document["variants"]["infogan"] = INFOGAN | {"optimizer": document["variants"]["gan"]["optimizer"]}
    digits = document["datasets"]["digits"]
    digits["networks"]["latent"]["dim"], digits["evaluate"]["samples"] = 1200, 10**6
    assert mistakes(document) == []
    document["compare"]["variants"] = ["infogan", "gan"]
    document["protocol"]["references"] = []
    fed = "networks.latent.dim + variants.infogan.categorical + variants.infogan.continuous"
    assert mistakes(document) == [
        f"datasets.digits: evaluate.samples x ({fed}) = 2,202,000,000 values of one array; allowed: 2,147,483,648, "
        "which take 8 GiB"
    ]


@pytest.mark.parametrize(
    ("block", "most"),
    [
        ({"source": "digits", "image_size": 8, "holdout": 600}, 597),
        ({"source": "mnist", "image_size": 8, "holdout": 10_000}, 50_000),
        ({"source": "celeba", "image_size": 8, "holdout": 500, "attributes": ["Male"]}, None),
        ({"source": "image_folder", "image_size": 8, "holdout": 500, "path": "own", "channels": 1}, None),
    ],
)
def test_a_batch_of_more_pictures_than_train_has_is_named(block, most, document):
    digits = document["datasets"]["digits"]
    digits["data"], digits["train"]["batch_size"] = block | {"split_seed": 0}, most or 65_536
    assert mistakes(document) == []
    if most:
        digits["train"]["batch_size"] = most + 1
        [mistake] = mistakes(document)
        key = "datasets.digits"
        assert mistake.startswith(
            f"{key}.train.batch_size: {most + 1:,} is not <= {most:,}, the pictures for train by {key}.data.holdout"
        )


@pytest.mark.parametrize(
    ("path", "value", "bound"),
    [
        ("datasets.digits.train.updates", 10**30, "<= 1,000,000,000"),
        ("datasets.digits.train.batch_size", 10**8, "<= 65,536"),
        ("datasets.digits.networks.latent.dim", 10**8, "<= 8,192"),
        ("datasets.digits.networks.G.width", 10**8, "<= 1,024"),
        ("datasets.digits.networks.D.hidden", 10**8, "<= 8,192"),
        ("datasets.digits.train.grid_ratio", 1.0000000001, ">= 1.001"),
        ("datasets.digits.train.sample_grids", 10**9, "<= 1,000"),
        ("datasets.digits.features.dim", 10**8, "<= 8,192"),
        ("datasets.digits.features.epochs", 10**30, "<= 1,000,000,000"),
        ("datasets.digits.evaluate.samples", 10**9, "<= 1,000,000"),
        ("evaluate.full_snapshots", 10**30, "<= 10,000"),
        ("evaluate.sliced_projections", 10**9, "<= 10,000"),
        ("evaluate.kid_subsets", 10**9, "<= 10,000"),
        ("evaluate.transport_samples", 10**9, "<= 20,000"),
        ("pilot.length", 10**9, "<= 1,000"),
        ("tuning.trials", 100_000, "<= 1,000"),
        ("variants.gan.n_critic", 10**30, "<= 1,000,000,000"),
        ("variants.iterative.warmup", 10**30, "<= 1,000,000,000"),
        ("report.stopping.smooth", 10**30, "<= 1,000,000,000"),
    ],
)
def test_no_number_is_too_large_to_end(path, value, bound, document):
    put(document, path, value)
    assert f"{path}: {value!r} is not {bound}" in mistakes(document)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("report.title", "x" * 200_000, "should have at most 200"),
        ("report.title", "", "should have at least 1"),
        ("pilot.seeds", [800, 800], "pilot.seeds: 800 is listed twice"),
        ("tuning.seeds", [900, 900], "tuning.seeds: 900 is listed twice"),
        ("variants.iterative.floor", 11.0, "variants.iterative: floor 11.0 is not <= lambda_0, which is 10.0"),
        ("variants.agp.floor", 11.0, "variants.agp: floor 11.0 is not <= lambda_0, which is 10.0"),
        ("variants.agp.ceiling", 9.5, "variants.agp: ceiling 9.5 is not >= lambda_0, which is 10.0"),
    ],
)
def test_what_a_later_stage_would_refuse_is_refused_here(path, value, message, document):
    put(document, path, value)
    assert any(message in mistake and len(mistake) < 200 for mistake in mistakes(document)), mistakes(document)


@pytest.mark.parametrize(
    ("block", "most"),
    [
        ({"source": "digits", "image_size": 8}, 897),
        ({"source": "mnist", "image_size": 8}, 10_000),
        ({"source": "fashion_mnist", "image_size": 8}, 10_000),
        ({"source": "cifar10", "image_size": 8}, 10_000),
        ({"source": "celeba", "image_size": 8, "attributes": ["Male"]}, 19_867),
    ],
)
def test_a_holdout_that_leaves_too_few_pictures_for_train_is_named(block, most, document):
    document["datasets"]["digits"]["data"] = block | {"split_seed": 0, "holdout": most}
    document["datasets"]["digits"]["train"]["batch_size"] = 2
    assert mistakes(document) == []
    document["datasets"]["digits"]["data"]["holdout"] = most + 1
    [mistake] = mistakes(document)
    assert mistake.startswith(
        f"datasets.digits.data.holdout: {most + 1:,} is not <= {most:,}: val and test get so many"
    )
    assert mistakes(document, limits=False) == []


def test_a_weight_may_begin_at_its_bounds(document):
    document["variants"]["agp"] |= {"floor": 10.0, "ceiling": 10.0}
    assert mistakes(document) == []


def test_a_tuned_bound_below_the_floor_is_named_by_its_arm(document):
    document["variants"]["iterative"]["floor"] = 0.5
    floor = "floor 0.5 is not <= lambda_0, which is 0.1"
    assert mistakes(document) == [f"tuning.arms.iterative_tuned.own.lambda_0: {floor}"]


@pytest.mark.parametrize("kind", ["variants", "datasets"])
def test_a_name_that_no_file_can_have_is_refused(kind, document):
    first = next(iter(document[kind]))
    document[kind]["a" * 65] = copy.deepcopy(document[kind][first])
    assert mistakes(document) == [f"{kind}: '{'a' * 65}' has 65 letters; allowed: 64"]
    document[kind]["a" * 64] = document[kind].pop("a" * 65)
    assert mistakes(document) == []
    document["tuning"]["arms"]["a" * 70 + "_tuned"] = {"variant": "gan", "own": {}}
    assert mistakes(document) == [f"tuning.arms: '{'a' * 70}_tuned' has 76 letters; allowed: 64"]


@pytest.mark.parametrize("path", ["/etc", "../own", "own/../..", "", ".", "a\0b", "x" * 256, "\ud800"])
def test_a_path_that_leaves_its_folder_or_no_disk_can_hold_is_refused(path, document):
    block = {"source": "image_folder", "path": path, "channels": 1, "image_size": 8, "holdout": 497, "split_seed": 0}
    document["datasets"]["digits"]["data"] = block
    [mistake] = mistakes(document)
    assert mistake.startswith("datasets.digits.data.path: ")
    document["datasets"]["digits"]["data"]["path"] = "own/pictures.zip"
    assert mistakes(document) == []


def test_an_attribute_that_is_listed_twice_is_named(document):
    block = {"source": "celeba", "attributes": ["Male", "Male"], "image_size": 32, "holdout": 497, "split_seed": 0}
    document["datasets"]["digits"]["data"] = block
    assert mistakes(document) == ["datasets.digits.data.attributes: ['Male', 'Male'] names one twice"]


def test_many_seeds_are_fine_where_nothing_is_compared(document):
    document["compare"]["seeds"] = list(range(60))
    assert mistakes(document)
    document["protocol"]["references"] = []
    assert mistakes(document) == []
    document["protocol"]["references"], document["compare"]["variants"] = ["gan"], ["gan"]
    assert mistakes(document) == []


def test_the_limits_are_those_that_the_stages_have(document):
    """As many as the check allows pass there, and one more does not."""
    assert 0 < sign_flip_p([1.0] * MAX_PAIRS) < 1e-5
    document["evaluate"] |= {"neighbours": 9, "manifold_samples": 10}
    assert mistakes(document) == []
    assert len(manifold([[float(i)] for i in range(10)], 9).squared_radii) == 10
    with pytest.raises(ValueError, match="10 points have no 10-th neighbour"):
        manifold([[float(i)] for i in range(10)], 10)


def test_limits_concern_the_grid_alone_and_not_the_stage_prepare(document, tmp_path):
    other = copy.deepcopy(document["datasets"]["digits"])
    other["features"]["dim"] = 600
    document["datasets"]["other"] = other
    assert mistakes(document) == []
    document["compare"]["datasets"] = ["digits", "other"]
    assert len(mistakes(document)) == 1
    path = write(document, tmp_path).params
    with pytest.raises(ParamsError, match="datasets.other.features.dim"):
        load_params(path)
    assert load_params(path, limits=False).datasets["other"].features.dim == 600


def test_limits_are_named_beside_other_mistakes(document):
    document["compare"]["seeds"] = [*range(25), 0]
    assert len(mistakes(document)) == 2
