"""Where the boxes of a lineage stand: nothing overlaps, arrows go to the right, at any size."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry import layout


@st.composite
def lineages(draw):
    """A lineage of up to 60 nodes: each origin leads to a node before it, each goal from one."""
    keys, edges, sides = ["s"], [], {True: ["s"], False: ["s"]}
    for number in range(draw(st.integers(0, 59))):
        key, back = f"n{number}", draw(st.booleans())
        some = st.lists(st.sampled_from(sides[back]), min_size=1, max_size=3, unique=True)
        edges += [(key, one) if back else (one, key) for one in draw(some)]
        keys.append(key)
        sides[back].append(key)
    return keys, edges


def test_a_node_stands_before_all_that_it_leads_to():
    edges = [("maker", "base"), ("maker", "version"), ("base", "version"), ("version", "s")]
    assert layout.ranks("s", ["s", "version", "base", "maker"], edges) == {
        "s": 0,
        "version": 1,
        "base": 2,
        "maker": 3,
    }
    goals = [("s", "release"), ("release", "place")]
    assert layout.ranks("s", ["s", "release", "place"], goals)["place"] == -2


@pytest.mark.parametrize("edges", [[("a", "s"), ("s", "a")], [("a", "s"), ("b", "a"), ("a", "b")]])
def test_a_circle_is_refused(edges):
    with pytest.raises(ValueError, match="leads back to itself"):
        layout.ranks("s", ["s", "a", "b"], edges)


def test_the_subject_alone_is_one_box():
    drawing = layout.place("s", ["s"], [])
    assert [(box.key, box.rank) for box in drawing.boxes] == [("s", 0)]
    assert drawing.arrows == []


def test_columns_of_a_release_read_from_left_to_right():
    keys = ["s", "version", "prompt", "data", "place"]
    edges = [("version", "s"), ("prompt", "s"), ("data", "version"), ("s", "place")]
    drawing = layout.place("s", keys, edges)
    at = {box.key: box.x for box in drawing.boxes}
    assert at["data"] < at["version"] == at["prompt"] < at["s"] < at["place"]
    assert drawing.columns == {box.rank: box.x for box in drawing.boxes}


@given(lineages())
def test_nothing_overlaps_and_everything_is_inside(lineage):
    keys, edges = lineage
    drawing = layout.place("s", keys, edges)
    assert [box.key for box in drawing.boxes] == keys
    for box in drawing.boxes:
        assert 0 <= box.x <= drawing.width - layout.WIDTH
        assert layout.HEAD <= box.y <= drawing.height - layout.HEIGHT
    for one, other in combinations(drawing.boxes, 2):
        apart = abs(one.x - other.x) >= layout.WIDTH or abs(one.y - other.y) >= layout.HEIGHT
        assert apart, (one, other)
    at = {box.key: box for box in drawing.boxes}
    assert {(arrow.source, arrow.target) for arrow in drawing.arrows} == set(edges)
    for arrow in drawing.arrows:
        assert at[arrow.source].x + layout.WIDTH < at[arrow.target].x
        end = int(arrow.path.split()[-1])
        assert at[arrow.target].y <= end <= at[arrow.target].y + layout.HEIGHT
