"""Normal life: the pilot light is lit, visitors write, backups and log arrive. Each function is one step."""

from __future__ import annotations

import json
import time
from pathlib import Path

from cli.rehearse.browser import Browser
from cli.rehearse.client import Client
from cli.rehearse.resolver import Pinned, Resolver
from cli.rehearse.sights import newer, writes_from
from cli.rehearse.stage import Stage, Step, StepFailed
from cli.rehearse.vault import BACKUPS
from sandbox.clouds.aws_estate import ALB_ADDRESSES
from sandbox.clouds.azure_resources import FEDERATED_CREDENTIAL, IDENTITY

AGENT = ("/opt/pilotlight/venv/bin/python", "-m", "agent")
CONFIG = ("--config", "/etc/pilotlight/agent.json")
SCHEMA = "petclinic"
_FOLLOWED = 20  # writes whose way into the vault is timed
_LOOK_S = 0.1
_TRESPASS = Path(__file__).parents[1] / "trespass.py"
_REFUSALS = {
    "read": "done",
    "read by a token": "done",
    "read by its token from another address": "403",
    "overwrite": "409",
    "delete": "403",
    "write another container": "403",
    "make a container": "403",
}


def deploy(stage: Stage) -> str:
    """The pilot light is lit: the program's own stack, with its committed configuration."""
    stage.pulumi("config", "set", "appJarSha256", stage.world.clouds.app_jar_sha256)
    stage.up()
    return f"{len(stage.world.resources())} resources"


def others_do_their_part(stage: Stage) -> str:
    """What belongs to nobody's program: the certificate, and the application's file from its own pipeline."""
    stage.note("an operator imports the TLS certificate into the key vault")
    stage.note("the application's pipeline uploads petclinic.jar")
    stage.world.import_certificate()
    stage.world.clouds.upload_app_jar()
    return "certificate in the key vault, petclinic.jar in the artifacts container"


def adopt(stage: Stage) -> str:
    """The public name moves onto the tree of failover records, once all health checks report."""
    stage.ended(stage.begin("adopt", "dns", "--yes", aws=True))
    return f"{stage.world.public_name} -> {stage.world.dr_name}"


def life_begins(stage: Stage) -> str:
    """A visitor starts to register owners and does not stop before the end."""
    stage.client = _client(stage, "visitor", Resolver(stage.world.clouds.dns))
    stage.moments["life"] = time.time()
    stage.client.start()
    writes_from(stage, "aws", since=stage.moments["life"], count=5)
    return "writes acknowledged by AWS"


def internal_life_begins(stage: Stage) -> str:
    """A second client, which knows AWS's load balancer by its address and asks no DNS."""
    stage.internal = _client(stage, "internal", Pinned(ALB_ADDRESSES[:1]))
    stage.internal.start()
    internal = stage.internal
    stage.wait("a write of the internal client", internal.attempts, 30)
    return f"an internal client writes to {ALB_ADDRESSES[0]}, whatever DNS says"


def _client(stage: Stage, name: str, addresses: Resolver | Pinned) -> Client:
    world = stage.world
    browser = Browser(world.public_name, addresses, world.clouds.network.endpoint, world.clouds.ca.ca_file)
    journal = world.root / ("client.jsonl" if name == "visitor" else f"client-{name}.jsonl")
    return Client(browser, world.cloud_of, stage.ledger, journal=journal, run=stage.run, name=name)


def log_arrives(stage: Stage) -> str:
    """Seconds after a visitor was told "saved", the log of it is in the vault: looked for in the blobs."""
    since = time.time()
    seen: dict[str, float] = {}

    def look() -> bool:
        held = stage.vault.tokens()
        now = time.time()
        for entry in stage.ledger.entries():
            if entry.acknowledged >= since and entry.token in held:
                seen.setdefault(entry.token, now - entry.acknowledged)
        return len(seen) >= _FOLLOWED

    stage.wait(f"the log of {_FOLLOWED} writes in the vault", look, 90)
    lags = sorted(seen.values())
    stage.lags += lags
    middle, worst = lags[len(lags) // 2], lags[-1]
    stage.measure(
        'From "saved" to the archived log',
        f"{middle:.1f} s, at most {worst:.1f} s",
        f"{len(seen)} writes looked for in the blobs every {_LOOK_S:g} s or so; the endpoint is an emulator",
        headline=True,
    )
    return f"{len(seen)} writes followed: {middle:.1f} s, at most {worst:.1f} s"


def chain_proved(stage: Stage) -> str:
    """The newest chain is restored into a scratch server on the backup instance and compared."""
    done = json.loads(stage.on("aws-backup", *AGENT, "verify", *CONFIG, "--mode", "full", "--json"))
    stage.hold(
        "a backup counts as proved only after it was restored",
        bool(done["ok"]) and bool(done["tables"]),
        f"{done['backup']} restored into a scratch server: {len(done['tables'])} tables equal",
    )
    stage.measure("Restore test on the backup instance", f"{done['seconds']:.1f} s", "the agent's own report")
    return f"{done['backup']}: {len(done['tables'])} tables equal, {done['seconds']:.1f} s"


def backups_are_kept(stage: Stage) -> str:
    """The identity that writes the backups tries what whoever stole it would, at the account as deployed."""
    clouds, backup = stage.world.clouds, newer(stage, 0, "aws", count=1)[-1].blob
    account = stage.world.container_accounts()[BACKUPS]
    before = clouds.gate.get_as_operator(account, BACKUPS, backup)
    stage.note(f"aws-backup, as its own identity: overwrite and delete {backup}, write elsewhere")
    words = (AGENT[0], "-c", _TRESPASS.read_text(), CONFIG[1], backup)
    done = clouds.machines["aws-backup"].run([*words, *(_token(stage, at) for at in ("aws-backup", "else"))])
    if done.returncode:
        raise StepFailed(f"the attempts on aws-backup ended with {done.returncode}: {done.stderr[-400:]}")
    said: dict[str, str] = json.loads(done.stdout)
    stage.hold(
        "the identity that writes backups can neither change nor delete one, nor write elsewhere",
        {attempt: outcome.split()[0] for attempt, outcome in said.items()} == _REFUSALS
        and clouds.gate.get_as_operator(account, BACKUPS, backup) == before is not None,
        ", ".join(f"{attempt}: {outcome}" for attempt, outcome in said.items()),
    )
    return f"{sum(outcome != 'done' for outcome in said.values())} of {len(said)} attempts refused"


def _token(stage: Stage, machine: str) -> str:
    """A token of the backup instance's identity, as if given to ``machine``, whose address it comes from."""
    azure_store = stage.world.clouds.stores["azure-native"]
    (federated,) = azure_store.find(FEDERATED_CREDENTIAL)
    (identity,) = azure_store.find(IDENTITY, resourceName=federated.inputs["resourceName"])
    entra = stage.world.clouds.azure.entra
    return entra.issue(identity, "https://storage.azure.com", machine=machine, lifetime_s=600)[0]


def backups_arrive(stage: Stage) -> str:
    """The backup instance dumps on its schedule; two complete ones have to be there."""
    since = stage.moments["life"]
    found = stage.wait("two complete backups", lambda: newer(stage, since, "aws", count=2), 90)
    last = found[-1]
    interval = found[-1].started - found[-2].started
    stage.measure(
        "Backup: dump, compress, upload",
        f"{last.finished - last.started:.1f} s for {last.stored_bytes / 1024:.0f} KiB",
        f"manifest of {last.blob}; the blob endpoint is an emulator on this machine",
    )
    return f"{len(stage.vault.backups())} complete, one every {interval:.0f} s"


def backup_arrives(stage: Stage) -> str:
    """There is a complete backup to begin from."""
    found = stage.wait("a complete backup", lambda: newer(stage, 0, "aws", count=1), 90)
    return found[-1].blob


NORMAL = (
    Step("normal", "pulumi up", deploy),
    Step("normal", "certificate and application file", others_do_their_part),
    Step("normal", "public name onto the failover records", adopt),
    Step("normal", "visitors write", life_begins),
)
PROVED = (
    Step("normal", "backups arrive", backups_arrive),
    Step("normal", "the log arrives", log_arrives),
    Step("normal", "a chain is proved", chain_proved),
    Step("normal", "what the writer of backups may not do", backups_are_kept),
)
