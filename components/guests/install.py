"""First boot: fetches the agent (and PetClinic) with the machine's own identity, checks, unpacks.

Runs with the system's Python: standard library only, plus boto3 on AWS. Every step is repeated until it
works or PATIENCE is over, because role assignments and addresses need minutes; a second run changes
nothing that is already right. All paths start from this file's own folder.
"""

import hashlib
import json
import os
import shutil
import ssl
import subprocess
import sys
import time
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PATIENCE = 900  # seconds
IMDS = "http://169.254.169.254"


def patiently(what: str, step: Callable[[], None]) -> None:
    """Calls ``step`` until it returns; gives up with the last error after PATIENCE seconds."""
    end, pause = time.monotonic() + PATIENCE, 1
    while True:
        try:
            return step()
        except Exception as error:  # anything: the network may not be there yet
            if time.monotonic() > end:
                raise
            print(f"{what}: {error}; again in {pause} s", flush=True)
            time.sleep(pause)
            pause = min(pause * 2, 30)


def get(url: str, headers: dict[str, str], method: str = "GET") -> Any:
    context = ssl.create_default_context(cafile=os.environ.get("REQUESTS_CA_BUNDLE"))
    https = urllib.request.HTTPSHandler(context=context)
    # no proxy for either: metadata services and storage firewalls look at the sender
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), https)
    request = urllib.request.Request(url, headers=headers, method=method)  # noqa: S310 - from our own config
    return opener.open(request, timeout=60)


def azure_blob(url: str, client_id: str, target: Path) -> None:
    base = os.environ.get("AZURE_POD_IDENTITY_AUTHORITY_HOST", IMDS).rstrip("/")
    query = {"api-version": "2018-02-01", "resource": "https://storage.azure.com/", "client_id": client_id}
    address = f"{base}/metadata/identity/oauth2/token?{urllib.parse.urlencode(query)}"
    with get(address, {"Metadata": "true"}) as answer:
        token = json.load(answer)["access_token"]
    headers = {"Authorization": f"Bearer {token}", "x-ms-version": "2021-08-06"}
    with get(url, headers) as answer, target.open("wb") as file:
        shutil.copyfileobj(answer, file)


def aws_client(service: str, region: str) -> Any:
    import boto3  # noqa: PLC0415 - Azure's machines have none

    return boto3.client(service, region_name=region)


def fetch(item: dict[str, str], config: dict[str, Any], target: Path) -> None:
    """Downloads ``item`` to ``target`` unless it is there already; the SHA-256 must match."""
    target.parent.mkdir(parents=True, exist_ok=True)

    def step() -> None:
        if target.exists() and checksum(target) == item["sha256"]:
            return
        part = target.with_name(target.name + ".part")
        source = urllib.parse.urlsplit(item["source"])
        if source.scheme == "s3":
            client = aws_client("s3", config["region"])
            client.download_file(source.netloc, source.path.lstrip("/"), str(part))
        else:
            azure_blob(item["source"], config["client_id"], part)
        if checksum(part) != item["sha256"]:
            raise ValueError(f"{item['source']} has SHA-256 {checksum(part)}, expected {item['sha256']}")
        part.chmod(0o644)
        part.replace(target)

    patiently(target.name, step)


def checksum(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def unpack(archive: Path) -> None:
    """``agent/`` and ``requirements/`` beside this file, replaced as a whole."""
    fresh = HERE / "unpacked"
    shutil.rmtree(fresh, ignore_errors=True)
    with zipfile.ZipFile(archive) as bundle:
        bundle.extractall(fresh)
    for folder in ("agent", "requirements"):
        shutil.rmtree(HERE / folder, ignore_errors=True)
        (fresh / folder).rename(HERE / folder)
    fresh.rmdir()


def make_venv() -> None:
    """The agent's own Python packages, pinned by hash; committed by one rename."""
    venv = HERE / "venv"
    if (venv / "bin" / "python").exists():
        return

    def step() -> None:
        shutil.rmtree(venv, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--only-binary", ":all:"]
        wanted = str(HERE / "requirements" / "agent.txt")
        try:
            subprocess.run([*pip, "--require-hashes", "-r", wanted], check=True)
        except BaseException:
            shutil.rmtree(venv)  # half a venv must not look like a whole one
            raise

    patiently("venv", step)


def take_address(config: dict[str, Any]) -> None:
    """Moves the elastic IP to this instance: the vault's firewall admits no other address."""
    base = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", IMDS).rstrip("/")

    def step() -> None:
        with get(f"{base}/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "60"}, "PUT") as answer:
            token = answer.read().decode()
        with get(f"{base}/latest/meta-data/instance-id", {"X-aws-ec2-metadata-token": token}) as answer:
            instance = answer.read().decode()
        aws_client("ec2", config["region"]).associate_address(
            AllocationId=config["elastic_ip"], InstanceId=instance, AllowReassociation=True
        )

    patiently("elastic IP", step)


def main() -> None:
    config = json.loads((HERE / "install.json").read_text())
    if "elastic_ip" in config:
        take_address(config)
    fetch(config["agent"], config, HERE / "agent.zip")
    unpack(HERE / "agent.zip")
    if "jar" in config:
        fetch(config["jar"], config, ROOT / "opt" / "petclinic" / "petclinic.jar")
    make_venv()


if __name__ == "__main__":
    main()
