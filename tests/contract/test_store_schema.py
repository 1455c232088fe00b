"""The schema: made from nothing, once, by however many processes, and as the tables say."""

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text

from gateway.store import schema
from gateway.store.database import (
    VERSION,
    DatabaseUrlError,
    is_up_to_date,
    open_database,
    sqlite_url,
)
from gateway.store.tables import metadata
from gateway.store.upkeep import DatabaseUnusable, bring_up_to_date
from tests.support.postgres import PASSWORD, PostgresServer
from tests.support.process import clean_environment

PROCESSES = 4
_UPGRADE = """
import sys
from pathlib import Path
from gateway.store.upkeep import bring_up_to_date
bring_up_to_date(sys.argv[1], state_dir=Path())
"""
MALFORMED = [
    "postgres://u:secret-1@secret-2:secret-3@h/d",
    "postgres://u:secret-1@secret-2@h/d",
    "postgres://u:p@h:secret-1/d",
    "secret-1",
    "mysql://u:secret-1@h/d",
]


def test_a_new_database_is_not_up_to_date(engine: Engine) -> None:
    assert not is_up_to_date(engine)


def test_an_upgraded_database_is_up_to_date(engine: Engine) -> None:
    schema.upgrade(engine)
    assert is_up_to_date(engine)


def test_a_second_upgrade_changes_nothing(database_url: str, tmp_path: Path) -> None:
    changed = [bring_up_to_date(database_url, state_dir=tmp_path) for _ in range(2)]
    assert changed == [True, False]


def test_the_migrated_schema_is_that_of_the_tables(upgraded: Engine) -> None:
    with upgraded.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_migrated_indexes_are_those_of_the_tables(upgraded: Engine) -> None:
    made = {
        (index["name"], tuple(index["column_names"]))
        for index in inspect(upgraded).get_indexes("attempts")
    }
    meant = {
        (index.name, tuple(index.columns.keys())) for index in metadata.tables["attempts"].indexes
    }
    assert made == meant


def test_the_version_is_that_of_the_last_migration() -> None:
    folder = Path(schema.__file__).parent / "migrations"
    assert ScriptDirectory(str(folder)).get_heads() == [VERSION]


def test_processes_that_upgrade_at_the_same_time_wait_for_each_other(database_url: str) -> None:
    upgrading = [
        subprocess.Popen(
            [sys.executable, "-c", _UPGRADE, database_url],
            env=clean_environment(),
            stderr=subprocess.PIPE,
        )
        for _ in range(PROCESSES)
    ]
    said = [process.communicate(timeout=60)[1].decode() for process in upgrading]
    assert [process.returncode for process in upgrading] == [0] * PROCESSES, said


def test_a_database_of_a_newer_version_is_told_as_such(upgraded: Engine, database_url: str) -> None:
    with upgraded.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseUnusable, match="another version"):
        bring_up_to_date(database_url, state_dir=Path())


def test_a_database_that_nobody_named_is_a_file_of_the_state_directory(tmp_path: Path) -> None:
    state_dir = tmp_path / "var"
    bring_up_to_date(None, state_dir=state_dir)
    assert is_up_to_date(open_database(sqlite_url(state_dir)))


def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"not a database" * 100)
    with pytest.raises(DatabaseUnusable, match="file is not a database"):
        bring_up_to_date(f"sqlite:///{tmp_path / 'file'}", state_dir=tmp_path)


def test_a_refused_password_is_not_shown(postgres_server: PostgresServer) -> None:
    url = postgres_server.url("postgres", password="wrong-" + PASSWORD)
    with pytest.raises(DatabaseUnusable) as refused:
        bring_up_to_date(url, state_dir=Path())
    assert "password authentication failed" in str(refused.value)
    assert PASSWORD not in str(refused.value)


@pytest.mark.parametrize("url", MALFORMED)
def test_of_a_malformed_url_nothing_is_shown(url: str) -> None:
    with pytest.raises(DatabaseUrlError) as refused:
        open_database(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_every_name_of_postgresql_is_good(scheme: str) -> None:
    assert open_database(f"{scheme}://u:p@h/d").dialect.driver == "psycopg"
