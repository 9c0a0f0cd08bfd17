import pytest

from auditlens.stages.component_names import ComponentName, read_name


@pytest.mark.parametrize(
    ("text", "layer", "channel", "negative"),
    [("layer4.1:3", "layer4.1", 3, False), ("features.0:17-", "features.0", 17, True), ("a:b:2", "a:b", 2, False)],
)
def test_names_are_read_and_written_alike(text, layer, channel, negative):
    assert read_name(text) == ComponentName(layer, channel, negative)
    assert str(read_name(text)) == text


@pytest.mark.parametrize(
    "text", ["", "layer4", "layer4:", ":3", "layer4:x", "layer4:3+", "layer4:-3", "la yer:3", "l:3 "]
)
def test_other_forms_are_refused(text):
    with pytest.raises(ValueError, match="is no component; write layer:channel"):
        read_name(text)
