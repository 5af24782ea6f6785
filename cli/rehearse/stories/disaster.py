"""The main story: normal life, a scare, the disaster, failover, and the whole way back."""

from cli.rehearse.stage import Step, Story
from cli.rehearse.stories import failing, home
from cli.rehearse.stories.life import NORMAL, PROVED

STORY = Story(
    "normal life, a scare, disaster, failover and the way back",
    (
        *NORMAL,
        *PROVED,
        Step("scare", "./dr failover --scope maintenance", failing.scare),
        Step("scare", "./dr abort", failing.scare_ends),
        Step("disaster", "AWS dies", failing.aws_dies),
        Step("failover", "mode emergency, pulumi up", failing.failover),
        Step("failover", "maintenance page", failing.maintenance_page),
        Step("failover", "backup and log restored and verified", failing.restored_and_verified),
        Step("failover", "enablePetclinic, pulumi up", failing.opening),
        Step("failover", "data is there", failing.data_is_there),
        Step("failover", "mode normal is refused", failing.no_way_back_unasked),
        Step("back", "AWS returns, and is fenced", home.aws_returns),
        Step("back", "what diverged leaves for the vault", home.divergence_leaves),
        Step("back", "./dr failback sync, killed, and AWS's agent", home.sync_survives),
        Step("back", "both agents are killed", home.agents_die),
        Step("back", "./dr failback cutover", home.cutover),
        Step("back", "./dr failback weight 10", home.a_tenth),
        Step("back", "./dr failback weight 50, killed, and again", home.half_survives),
        Step("back", "./dr failback weight 100", home.all_home),
        Step("back", "./dr failback finish, killed, and again", home.finish_survives),
    ),
)
