"""The whole world without the engine: AWS's own part lives, dies, comes back, and survives a restart."""

from __future__ import annotations

import json
from pathlib import Path

import dns.message
import dns.query
import pytest

from sandbox.clouds.aws_estate import ALB_ADDRESSES
from sandbox.clouds.estate import EstateError, read_estate
from sandbox.clouds.route53_rules import RecordError
from sandbox.clouds.web_client import Unreachable, get
from sandbox.clouds.world import Clouds, WorldError
from sandbox.tools import Tools

CLONE = Path(__file__).resolve().parents[2]


def ask(clouds: Clouds, path: str) -> tuple[int, bytes]:
    return get(
        clouds.network,
        f"https://{ALB_ADDRESSES[0]}{path}",
        ca_file=clouds.ca.ca_file,
        timeout_s=30,
        host=clouds.estate.public_name,
    )


def addresses(clouds: Clouds, name: str) -> list[str]:
    where, port = clouds.dns
    reply = dns.query.udp(dns.message.make_query(name, "A"), where, timeout=30, port=port)
    return sorted(str(item) for rrset in reply.answer for item in rrset)


def owners(clouds: Clouds) -> int:
    return int(str(clouds.primary.execute("SELECT COUNT(*) FROM petclinic.owners")[0][0]))


def serving(clouds: Clouds) -> bool | None:
    """Whether users get a page; None while nothing answers at all."""
    try:
        return ask(clouds, "/")[0] == 200
    except Unreachable:
        return None


def test_life_death_return_and_restart(tools: Tools, tmp_path: Path) -> None:
    root = tmp_path / "a world"
    with Clouds(root, tools) as clouds:
        assert ask(clouds, "/actuator/health")[0] == 200
        assert ask(clouds, "/owners?lastName=")[0] == 200
        assert addresses(clouds, clouds.estate.public_name) == list(ALB_ADDRESSES)
        secret = clouds.aws.endpoint.services.secret_arn(clouds.estate.rds_secret_name)
        assert secret == clouds.estate.rds_secret_arn
        with pytest.raises(RecordError, match="does not exist yet"):
            clouds.adopt(clouds.estate.public_name)
        with pytest.raises(WorldError, match="run 'pulumi up' first"):
            clouds.upload_app_jar()
        before = owners(clouds)
        assert before > 0
        clouds.primary.execute("DELETE FROM petclinic.visits")
        clouds.primary.execute("INSERT INTO petclinic.owners (first_name, last_name) VALUES ('A', 'B')")

        clouds.aws_dies()
        assert not clouds.primary.running and clouds.faults.aws_down
        with pytest.raises(Unreachable):
            ask(clouds, "/")
        assert addresses(clouds, clouds.estate.public_name) == list(ALB_ADDRESSES), "DNS goes on"

        clouds.aws_returns(serve=False)
        assert owners(clouds) == before + 1
        with pytest.raises(Unreachable):
            ask(clouds, "/")
        locked = "ALTER USER petclinic ACCOUNT "
        clouds.primary.execute(locked + "LOCK")  # as the fence does
        clouds.aws_application_starts()
        clouds.wait_for(lambda: serving(clouds) is False, 60, "the balancer is up and its target is not")
        clouds.primary.execute(locked + "UNLOCK")
        clouds.aws_returns(serve=True, backup=False)
        assert ask(clouds, "/owners?lastName=")[0] == 200
        assert clouds.primary.execute("SELECT COUNT(*) FROM petclinic.visits")[0][0] == 0, (
            "no demo rows come back"
        )

    with Clouds(root, tools) as again:
        assert owners(again) == before + 1
        assert ask(again, "/owners?lastName=")[0] == 200
        again.faults.set(aws_down=True)
    with Clouds(root, tools) as dead:
        assert not dead.primary.running, "a disaster outlives the sandbox's restart"
        dead.aws_returns(serve=True)
        assert ask(dead, "/")[0] == 200


def test_two_worlds_at_once(tools: Tools, tmp_path: Path) -> None:
    with Clouds(tmp_path / "one", tools) as one, Clouds(tmp_path / "two", tools) as two:
        assert one.network.prefix != two.network.prefix
        assert ask(one, "/")[0] == ask(two, "/")[0] == 200


def test_estate_is_read_from_the_programs_own_files(tmp_path: Path) -> None:
    estate = read_estate(CLONE)
    assert estate.rds_secret_name == "petclinic/backup"
    assert estate.dr_name == f"dr-app.{estate.zone_name}"
    (tmp_path / "Pulumi.yaml").write_text((CLONE / "Pulumi.yaml").read_text())
    (tmp_path / "Pulumi.normal.yaml").write_text(json.dumps({"config": {"petclinic-dr:zoneId": "Z1"}}))
    with pytest.raises(EstateError, match=r"awsAccountId is ''.*pulumi config set awsAccountId"):
        read_estate(tmp_path)
