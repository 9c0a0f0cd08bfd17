"""`auditlens schema`."""

from auditlens.cli.main import main
from auditlens.spec.schema import schema_text


def test_the_schema_is_printed_as_published(capsys):
    assert main(["schema"]) == 0
    assert capsys.readouterr().out == schema_text()
