"""Whether nobody of the application is left in a database that is to be replaced."""

from __future__ import annotations

from agent.context import Context
from agent.database import session
from agent.epoch import Epoch
from agent.errors import DatabaseError
from agent.fence import close, must_close
from agent.marker import read_marker


def why_open(context: Context, epoch: Epoch) -> str:
    """Close the database where it must be; why it is not closed yet, empty when it is or need not be."""
    config = context.config
    users = config.database.application_users
    try:
        with session(context.login()) as database:
            if not must_close(config.site, epoch, read_marker(database)):
                return ""
            if not users:
                return (
                    "nobody is locked out of this database, because database.application_users names no "
                    "account; name those of the application in the agent's configuration"
                )
            ended = close(database, users, epoch)
    except DatabaseError as error:
        return f"the database cannot be closed to the application yet: {error}"
    if ended:
        return f"{ended} sessions of the application were ended just now; it is looked for more of them"
    return ""
