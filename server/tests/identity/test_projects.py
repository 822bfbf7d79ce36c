from uuid import UUID

import pytest

from runyard.identity import InvalidCredential, InvalidValue, NotFound


async def test_a_project_shows_its_members_and_their_roles(store):
    ada = await store.users.create("Ada", login="ada")
    bob = await store.users.create("Bob", email="bob@example.com")
    project = await store.projects.add("apollo", members={ada.id: "admin", bob.id: "member"})
    assert project.members == {"ada": "admin", "bob@example.com": "member"}
    assert await store.projects.get("apollo") == project


async def test_adding_again_adds_members_and_changes_roles(store):
    ada = await store.users.create("Ada", login="ada")
    first = await store.projects.add("apollo")
    await store.projects.add("apollo", members={ada.id: "member"})
    again = await store.projects.add("apollo", members={ada.id: "admin"})
    assert again.members == {"ada": "admin"}
    assert again.created_at == first.created_at
    assert await store.projects.all() == [again]


async def test_an_unknown_member_leaves_everything_as_it_was(store):
    ada = await store.users.create("Ada", login="ada")
    with pytest.raises(NotFound, match="User"):
        await store.projects.add("apollo", members={ada.id: "member", UUID(int=7): "member"})
    assert await store.projects.all() == []


@pytest.mark.parametrize("name", ["", "Apollo", "-a", "a-", "a_b", "a" * 64, "a.b", "a b", "a\0"])
async def test_a_project_is_a_dns_label(store, name):
    with pytest.raises(InvalidValue) as error:
        await store.projects.add(name)
    assert repr(name) in str(error.value)


async def test_projects_of_a_user_are_those_they_are_in(store):
    ada = await store.users.create("Ada", login="ada")
    bob = await store.users.create("Bob", login="bob")
    for name, members in {"c": [ada, bob], "a": [ada], "b": [bob]}.items():
        await store.projects.add(name, members={member.id: "member" for member in members})
    assert [project.name for project in await store.projects.of(ada.id)] == ["a", "c"]
    assert [project.name for project in await store.projects.all()] == ["a", "b", "c"]
    assert (await store.projects.of(ada.id))[1].members == {"ada": "member", "bob": "member"}


async def test_a_project_key_ends_with_the_membership(store):
    ada = await store.users.create("Ada", login="ada")
    await store.projects.add("apollo", members={ada.id: "member"})
    confined = await store.keys.issue(ada.id, kind="ry", project="apollo")
    free = await store.keys.issue(ada.id, kind="ry")
    assert (await store.projects.remove_member("apollo", ada.id)).members == {}
    with pytest.raises(InvalidCredential):
        await store.authenticate(confined.secret.reveal())
    assert (await store.authenticate(free.secret.reveal())).projects == {}


async def test_an_unknown_project_is_named(store):
    for ask in (store.projects.get("gemini"), store.projects.remove_member("gemini", UUID(int=7))):
        with pytest.raises(NotFound, match="Project 'gemini' not found"):
            await ask
