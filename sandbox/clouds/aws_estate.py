"""PetClinic in AWS, which exists before the program: RDS, the application in EKS, the load balancer."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pymysql

from agent.database import OWN_SCHEMA
from sandbox import processes
from sandbox.ca import Authority, write_private
from sandbox.clouds.estate import Estate
from sandbox.clouds.load_balancer import AppLoadBalancer, Target
from sandbox.clouds.waiting import WaitTimeout, wait_for
from sandbox.clouds.web_client import Unreachable, get
from sandbox.mysql import MySqlServer
from sandbox.network import Network
from sandbox.tools import Tools

# Documentation range (RFC 5737), the upper part: elastic IPs are given out from the lower one.
ALB_ADDRESSES = ("203.0.113.201", "203.0.113.202")
_POD = "10.0.11.25"
_PORT = 8080
_APP_USER = "petclinic"
_BACKUP_GRANTS = "PROCESS, RELOAD, REPLICATION CLIENT, REPLICATION SLAVE, SHOW_ROUTINE, CREATE USER"
_RESTART_S = 1.0  # of a pod; the real back-off grows from 10 s to 5 minutes
_APP_START_S = 60.0  # a real Spring application on two busy cores
_HEARTBEAT_S = 300.0  # RDS writes mysql.rds_heartbeat2 about every five minutes


class EstateStartError(RuntimeError):
    """A part of the AWS side did not come up; ends with the last lines of its log."""


class AwsEstate:
    """The running AWS side.

    An application that was started and ends is started again, as EKS does with a pod: a database that is
    closed to it lets it not come up, and then it does.

    Args:
        root: the sandbox's folder.
        tools: mysqld and nginx.
        estate: names.
        jar: the application.
        real_java: the jar is a real Java program, not the stand-in.
        time_factor: how many times faster than the real services.
    """

    def __init__(
        self,
        root: Path,
        tools: Tools,
        network: Network,
        authority: Authority,
        estate: Estate,
        *,
        jar: Path,
        real_java: bool,
        time_factor: float,
    ) -> None:
        self._root = root
        self._network = network
        self._authority = authority
        self._estate = estate
        self._jar = jar
        self._real_java = real_java
        self._app: subprocess.Popen[bytes] | None = None
        self._app_ended = threading.Event()
        self._keeper: threading.Thread | None = None
        self._last_environment: dict[str, str] = {}
        self._app_log = root / "eks" / "petclinic.log"
        self._app_log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.passwords = self._read_passwords()
        self.primary = MySqlServer(
            tools=tools,
            folder=root / "mysql" / "primary",
            address=network.address(estate.rds_host),
            port=estate.rds_port,
            flavor="rds",
            name=estate.rds_host,
            ca=authority,
            heartbeat_s=_HEARTBEAT_S / time_factor,
        )
        self.balancer = AppLoadBalancer(
            tools.nginx,
            root / "nginx" / "load-balancer",
            network,
            name=estate.alb_name,
            addresses=ALB_ADDRESSES,
            target=Target(_POD, _PORT, estate.health_path),
            certificate=authority.issue([estate.public_name]),
            time_factor=time_factor,
        )

    def _read_passwords(self) -> dict[str, str]:
        file = self._root / "aws-passwords.json"
        if not file.exists():
            made = {name: secrets.token_urlsafe(18) for name in ("master", "backup", "application")}
            write_private(file, json.dumps(made).encode())
        return json.loads(file.read_text())

    # --- the database -----------------------------------------------------------------------------------

    def start_database(self) -> None:
        """Start RDS; the first time with its schemas and accounts.

        Raises:
            MySqlError: it does not start.
        """
        self.primary.start()
        self.primary.create_admin("rdsadmin_master", self.passwords["master"])
        # As in the parameter group of any RDS that holds triggers: a dump's triggers are made without SUPER.
        self.primary.set_global("log_bin_trust_function_creators", "ON")
        with self.primary.root() as connection, connection.cursor() as cursor:
            cursor.execute("SET SESSION sql_log_bin = 0")
            for schema in self._estate.schemas:
                cursor.execute(f"CREATE DATABASE IF NOT EXISTS {_quoted(schema)} CHARACTER SET utf8mb4")
            self._account(cursor, _APP_USER, "application")
            self._account(cursor, self._estate.rds_user, "backup")
            for schema in self._estate.schemas:
                cursor.execute(f"GRANT ALL ON {_quoted(schema)}.* TO %s@'%%'", (_APP_USER,))
            # For dumps, and for the way home: `agent restore --take-over` replaces the schemas.
            cursor.execute(
                f"GRANT {_BACKUP_GRANTS} ON *.* TO %s@'%%'",
                (self._estate.rds_user,),
            )
            # For the fence: the application's accounts are found, locked, and their sessions ended.
            cursor.execute("GRANT SELECT ON mysql.user TO %s@'%%'", (self._estate.rds_user,))
            cursor.execute("GRANT EXECUTE ON PROCEDURE mysql.rds_kill TO %s@'%%'", (self._estate.rds_user,))
            for schema in (*self._estate.schemas, OWN_SCHEMA):
                cursor.execute(f"GRANT ALL ON {_quoted(schema)}.* TO %s@'%%'", (self._estate.rds_user,))

    def _account(self, cursor: pymysql.cursors.Cursor, user: str, purpose: str) -> None:
        cursor.execute("CREATE USER IF NOT EXISTS %s@'%%'", (user,))
        cursor.execute("ALTER USER %s@'%%' IDENTIFIED BY %s", (user, self.passwords[purpose]))

    # --- the application --------------------------------------------------------------------------------

    @property
    def app_running(self) -> bool:
        """Whether the application's process lives."""
        return self._app is not None and self._app.poll() is None

    def start_app(self, *, wait: bool = True) -> None:
        """Start PetClinic and its load balancer and, with ``wait``, wait until users can reach it.

        Raises:
            EstateStartError: it ended or did not answer in time.
        """
        if not self.app_running:
            self._last_environment = self._app_environment()
            self._app = processes.spawn(self._app_command(), log=self._app_log, env=self._last_environment)
        self.balancer.start()
        if wait:
            self._wait_for_app()
        if self._keeper is None:
            self._app_ended.clear()
            self._keeper = threading.Thread(target=self._keep_app, name="pods of EKS", daemon=True)
            self._keeper.start()

    def _wait_for_app(self) -> None:
        try:
            wait_for(
                lambda: self._answers() or not self.app_running, _APP_START_S, "PetClinic in EKS answers"
            )
            wait_for(lambda: self.balancer.healthy or not self.app_running, 30.0, "its target is healthy")
        except WaitTimeout as error:
            raise EstateStartError(f"{error}: {self._tail()}") from error
        if not self.app_running:
            raise EstateStartError(f"PetClinic in EKS ended at its start: {self._tail()}")

    def _keep_app(self) -> None:
        while not self._app_ended.wait(_RESTART_S):
            if not self.app_running and self.primary.running:
                environment = {**self._last_environment, "SPRING_SQL_INIT_MODE": "never"}
                self._app = processes.spawn(self._app_command(), log=self._app_log, env=environment)

    def _end_keeping(self) -> None:
        self._app_ended.set()
        if self._keeper is not None:
            self._keeper.join()
            self._keeper = None

    def _app_command(self) -> list[str]:
        if not self._real_java:
            return [sys.executable, str(self._jar)]
        java = shutil.which("java")
        if java is None:
            raise EstateStartError("--app-jar needs 'java' on PATH: install a Java runtime (17 or newer)")
        return [java, "-jar", str(self._jar)]

    def _app_environment(self) -> dict[str, str]:
        address, port = self._network.endpoint(self._estate.rds_host, self._estate.rds_port)
        schema = self._estate.schemas[0]
        empty = not self.primary.execute(
            "SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s LIMIT 1", (schema,)
        )
        return {
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "SPRING_PROFILES_ACTIVE": "mysql",
            # Only ever into an empty schema: `always` brings deleted sample rows back at every start.
            "SPRING_SQL_INIT_MODE": "always" if empty else "never",
            "MYSQL_URL": f"jdbc:mysql://{address}:{port}/{schema}",
            "MYSQL_USER": _APP_USER,
            "MYSQL_PASS": self.passwords["application"],
            "SERVER_ADDRESS": self._network.address(_POD),
            "SERVER_PORT": str(_PORT),
        }

    def _answers(self) -> bool:
        url = f"https://{self._estate.alb_name}{self._estate.health_path}"
        try:
            status, _ = get(
                self._network,
                url,
                ca_file=self._authority.ca_file,
                timeout_s=5,
                host=self._estate.public_name,
            )
        except Unreachable:
            return False
        return status == 200

    def _tail(self) -> str:
        if not self._app_log.exists():
            return "(no log)"
        return "\n".join(self._app_log.read_text(errors="replace").splitlines()[-10:])

    # --- endings ----------------------------------------------------------------------------------------

    def kill(self) -> float:
        """SIGKILL to the load balancer, the application and the database; the database's files stay.

        Returns:
            Unix time at which the application, which alone writes, was dead.
        """
        self._end_keeping()
        self.balancer.kill()
        if self._app is not None:
            processes.kill(self._app)
            self._app = None
        cut = time.time()
        self.primary.kill()
        return cut

    def stop(self) -> None:
        """End everything cleanly."""
        self._end_keeping()
        self.balancer.stop()
        if self._app is not None:
            processes.stop(self._app)
            self._app = None
        self.primary.stop()


def _quoted(schema: str) -> str:
    return "`" + schema.replace("`", "``") + "`"
