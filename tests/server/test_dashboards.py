from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx2


def test_the_list_has_whole_dashboards_with_their_names(client: httpx2.Client) -> None:
    assert client.get("dashboards").json() == []
    client.put("dashboards/b", content="title: B\nname: not this\n")
    client.put("dashboards/a", content="title: Ä\npositions: [{row: 1}]\n")
    client.put("rules/c", content="title: not a dashboard\n")
    assert client.get("dashboards").json() == [
        {"title": "Ä", "positions": [{"row": 1}], "name": "a"},
        {"title": "B", "name": "b"},
    ]


def test_a_deleted_dashboard_is_gone(client: httpx2.Client) -> None:
    client.put("dashboards/a", content="title: A\n")
    assert client.delete("dashboards/a").status_code == 204
    for gone in (client.delete("dashboards/a"), client.get("dashboards/a")):
        assert (gone.status_code, gone.json()) == (404, {"error": "no dashboard is called 'a'"})
    assert client.get("dashboards").json() == []
