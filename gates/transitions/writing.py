"""Writing a package with its people: at submission, and by the first signature on a new digest."""

from audit import Change
from gates.models import Package, PackageEvidence, PackagePerson, PackageWaiver
from gates.packages import SCHEMA, Live, stored


def write_package(change: Change, package: Live) -> Package:
    """Return the stored package of the live digest, written now if it is new.

    Everybody who had a hand in it gets a row, so that the database itself keeps them from
    signing it.
    """
    existing = stored(package.promotion, package.digest)
    if existing is not None:
        return existing
    row = change.save(
        Package(
            promotion=package.promotion,
            schema=SCHEMA,
            content=package.content,
            digest=package.digest,
            created_at=change.now,
        ),
        event="package.written",
        facts={"digest": package.digest},
    )
    for pk in sorted({pk for finding in package.findings for pk in finding.rests_on[0]}):
        change.save(PackageEvidence(package=row, item=package.gathered.items[pk]))
    for pk in sorted({one.waiver for one in package.findings if one.waiver is not None}):
        change.save(PackageWaiver(package=row, waiver=package.gathered.waivers[pk]))
    for person, ties in sorted(package.involved.items()):
        change.save(
            PackagePerson(
                promotion=package.promotion,
                package=row,
                person_id=person,
                kind=PackagePerson.Kind.INVOLVED,
                ties=list(ties),
            ),
            event="package.person_involved",
        )
    return row
