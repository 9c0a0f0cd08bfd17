import itertools

import pytest

from auditlens.testbed.streams import PURPOSES, entropy, stream


def test_the_same_name_gives_the_same_numbers():
    assert (stream("test/lesion", 1, 2).random(5) == stream("test/lesion", 1, 2).random(5)).all()


def test_no_two_purposes_or_keys_share_a_seed():
    names = [
        (purpose, keys)
        for purpose in (*PURPOSES, *(f"{p}/lesion" for p in PURPOSES), *(f"{p}/artefact/ruler" for p in PURPOSES))
        for keys in ((), (0,), (1,), (0, 0), (0, 1), (1, 0))
    ]
    words = [tuple(entropy(purpose, *keys)) for purpose, keys in names]
    assert len(set(words)) == len(names)
    first = [stream(purpose, *keys).integers(2**62) for purpose, keys in names]
    assert len(set(first)) == len(names)


def test_training_and_test_differ_whatever_the_seeds():
    drawn = [tuple(stream(p, s).integers(2**62, size=2)) for p, s in itertools.product(PURPOSES, range(20))]
    assert len(set(drawn)) == len(drawn)


def test_an_unknown_purpose_is_refused_with_the_valid_ones():
    with pytest.raises(ValueError, match="valid: train, validation, test"):
        stream("tests", 1)
