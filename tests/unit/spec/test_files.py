"""Files and folders that a spec names."""

import pytest


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"data": {"folder": "imags"}}, "data.folder: there is no folder 'imags'; did you mean 'images'?"),
        ({"data": {"manifest": "images"}}, "data.manifest: 'images' is a folder; name a file"),
        ({"data": {"manifest": "x.csv"}}, "data.manifest: there is no file 'x.csv'"),
        ({"data": {"folder": "spec.yaml"}}, "data.folder: 'spec.yaml' is a file; name a folder"),
        ({"data": {"folder": "images", "root": "no/where"}}, "data.root: there is no folder 'no/where'"),
        ({"model__weights": "w.bin"}, "model.weights: there is no file 'w.bin'"),
        ({"model__import_path": "src"}, "model.import_path: there is no folder 'src'"),
        ({"model__classes": "c.txt"}, "model.classes: there is no file 'c.txt'"),
        ({"foundation__model": "local-dir:clip"}, "foundation.model: there is no folder 'clip'"),
        ({"concepts__border__images": "refs"}, "concepts.border.images: there is no folder 'refs'"),
        ({"artefacts__x": {"kind": "overlay", "format": "rgba", "images": "c/*.png"}},
         "artefacts.x.images: no file fits the pattern 'c/*.png'"),
        ({"artefacts__x": {"kind": "overlay", "format": "rgba", "images": ["images", "cut"]}},
         "artefacts.x.images[1]: there is no folder 'cut'"),
        ({"artefacts__x": {"kind": "cutout", "images": "images", "masks": "masks"}},
         "artefacts.x.masks: there is no folder 'masks'"),
        ({"model__weights": "package:no_such_package/w"},
         "model.weights: the package 'no_such_package' of 'package:no_such_package/w' is not installed as a folder"),
        ({"model__weights": "package:auditlens"},
         "model.weights: 'package:auditlens' is no package path; write 'package:NAME/PATH'"),
        ({"model__weights": "x" * 5000}, None),
        ({"model__weights": "a\x00b"}, "model.weights: 'a\\x00b' is no path"),
        ({"model__weights": "~nobody-at-all/w"}, None),
    ],
)  # fmt: skip
def test_what_is_not_there_is_told_at_its_field(bench, changes, problem):
    found = bench.problem(**changes)
    where = found.split(": ", 1)[1]
    assert where == problem or (problem is None and where.startswith("model.weights: "))


def test_what_is_there_is_fine(bench):
    bench.write("", "images/a.png")
    bench.write("", "w.bin")
    overlay = {"kind": "overlay", "format": "rgba", "images": ["images", "images/*.png", "images/a.png"]}
    assert bench.load(model__weights=str(bench.folder / "w.bin"), artefacts__x=overlay, foundation__model="hf-hub:a/b")
    assert bench.load(model__weights="package:auditlens/version.py")


@pytest.mark.parametrize("place", ["a.png", "images/a.png"])
def test_a_reference_image_lies_beside_the_spec_or_under_the_root(bench, place):
    predictions = [{"image": "a.png", "probabilities": {"melanoma": 0.5}}]
    assert "there is no image 'a.png'" in bench.problem(model__reference_predictions=predictions)
    bench.write("", place)
    assert bench.load(model__reference_predictions=predictions)


def test_a_reference_image_of_generated_data_cannot_be_known_yet(bench):
    predictions = [{"image": "a.png", "probabilities": {"melanoma": 0.5}}]
    data = {"generate": {"factory": "some.module:write"}}
    assert bench.load(model__reference_predictions=predictions, data=data)
