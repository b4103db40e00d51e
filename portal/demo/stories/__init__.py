"""What happened, one story each: a generator that does an act and yields when the next is due.

A story names its days as days before now. `seeding` goes on with whichever story is due first,
so that the record is written in the order of time.
"""

from portal.demo.stories.claims import claims
from portal.demo.stories.code import code
from portal.demo.stories.contracts import contracts
from portal.demo.stories.customer import customer
from portal.demo.stories.founding import founding
from portal.demo.stories.gateways import gateways
from portal.demo.stories.incidents import incidents
from portal.demo.stories.policy import policy
from portal.demo.stories.routers import routers
from portal.demo.stories.running import going_back, running

#: In the order in which those of one instant are told.
STORIES = (
    *(founding, policy, customer, code, claims, contracts),
    *(running, going_back, routers, gateways, incidents),
)

__all__ = ["STORIES"]
