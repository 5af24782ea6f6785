"""The stand-in application and the independent comparison, against real MySQL servers."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.rehearse.databases import contents, differences, written_tokens
from sandbox.clinic import jar
from sandbox.mysql import MySqlServer, running
from sandbox.network import Network
from sandbox.tools import Tools, find_or_bring

FORM = "firstName=Rehearsal+1&lastName={}&address=1+Jong-ro&city=Seoul&telephone=0101234567"


@pytest.fixture(scope="module")
def tools() -> Tools:
    return find_or_bring(print)


@pytest.fixture
def servers(tools: Tools, tmp_path: Path) -> Iterator[tuple[MySqlServer, MySqlServer]]:
    root = tmp_path / "two servers"
    root.mkdir()
    network = Network(root)
    one = MySqlServer(
        tools=tools, folder=root / "one", address=network.address("one"), flavor="rds", name="one.example"
    )
    two = MySqlServer(
        tools=tools, folder=root / "two", address=network.address("two"), flavor="azure", name="two.example"
    )
    with running(one), running(two):
        for server in (one, two):
            server.execute("CREATE DATABASE petclinic")
            server.execute("CREATE USER petclinic@'%%' IDENTIFIED BY 'a b$c'")
            server.execute("GRANT ALL ON petclinic.* TO petclinic@'%%'")
        yield one, two
    network.close()


class App:
    """The packed application beside one server."""

    def __init__(self, server: MySqlServer, folder: Path, mode: str) -> None:
        jar.build(folder / "petclinic.jar")
        self.server = server
        self.process = subprocess.Popen(
            [sys.executable, "-I", folder / "petclinic.jar"],
            env={
                "MYSQL_URL": f"jdbc:mysql://{server.address}:{server.port}/petclinic?sslMode=REQUIRED",
                "MYSQL_USER": "petclinic",
                "MYSQL_PASS": "a b$c",
                "SPRING_SQL_INIT_MODE": mode,
                "SERVER_ADDRESS": server.address,
                "SERVER_PORT": "0",
            },
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline().split()[-1])

    def get(self, path: str) -> tuple[int, str]:
        return self._ask("GET", path, None)

    def post(self, path: str, form: str) -> tuple[int, str]:
        return self._ask("POST", path, form)

    def _ask(self, method: str, path: str, form: str | None) -> tuple[int, str]:
        """One request, redirects followed."""
        client = http.client.HTTPConnection(self.server.address, self.port, timeout=15)
        try:
            client.request(method, path, form)
            reply = client.getresponse()
            body = reply.read().decode()
        finally:
            client.close()
        return self.get(reply.headers["Location"]) if reply.status == 302 else (reply.status, body)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()


def test_a_day_at_the_clinic(servers: tuple[MySqlServer, MySqlServer], tools: Tools, tmp_path: Path) -> None:
    one, two = servers
    app = App(one, tmp_path, "always")
    try:
        assert app.get("/actuator/health")[0] == 200
        status, page = app.post("/owners/new", FORM.format("Wtoken1"))  # followed to the new owner's page
        assert status == 200
        assert "Wtoken1" in page
        assert written_tokens(one, "petclinic", "Rehearsal 1") == {"Wtoken1"}
        owner = one.execute("SELECT MAX(id) FROM petclinic.owners")[0][0]
        _, page = app.post(f"/owners/{owner}/pets/new", "name=Bori&birthDate=2020-01-02&type=dog")
        assert "Bori" in page
        pet = one.execute("SELECT MAX(id) FROM petclinic.pets")[0][0]
        _, page = app.post(
            f"/owners/{owner}/pets/{pet}/visits/new", "date=2026-11-01&description=a+%3Cb%3E+visit"
        )
        assert "a &lt;b&gt; visit" in page
        assert app.get("/vets.html")[0] == 200
        assert len(json.loads(app.get("/vets")[1])["vetList"]) == 8
        assert "Wtoken1" in app.get("/owners?lastName=Wtoken1")[1]

        one.kill()
        assert app.get("/actuator/health")[0] == 503
        assert app.get(f"/owners/{owner}")[0] == 500
        one.start()
        give_up = time.monotonic() + 10
        while app.get("/actuator/health")[0] != 200 and time.monotonic() < give_up:
            time.sleep(0.2)
        assert app.get(f"/owners/{owner}")[0] == 200
    finally:
        app.stop()
    assert app.process.returncode == 0

    # The same rows in an Azure-like server, which adds an invisible key to vet_specialties, compare as equal.
    dump = subprocess.run(
        [
            *tools.mysqldump,
            "--protocol=socket",
            "--socket=mysql.sock",
            "-uroot",
            "--no-tablespaces",
            "petclinic",
        ],
        cwd=one.folder / "data",
        capture_output=True,
        check=True,
    )
    load = [*tools.mysql, "--protocol=socket", "--socket=mysql.sock", "-uroot", "petclinic"]
    subprocess.run(load, cwd=two.folder / "data", input=dump.stdout, check=True)
    first, second = contents(tools, one, "petclinic"), contents(tools, two, "petclinic")
    assert first.rows > 1500
    assert differences(first, second) == []

    two.execute("UPDATE petclinic.owners SET city = 'Elsewhere' WHERE id = 7")
    two.execute("CREATE TABLE petclinic.extra (id INT)")
    two.execute("CREATE VIEW petclinic.v AS SELECT 1 AS one")
    assert differences(first, contents(tools, two, "petclinic")) == [
        "table extra only on one side",
        "rows of table owners differ",
        "0 views, 0 triggers, 0 routines, 0 events against 1 views, 0 triggers, 0 routines, 0 events",
    ]
