"""The SuiteCloud project's objects keep the rules of the SuiteCloud Development Framework, as far as they
are documented (online help: SuiteCloud Development Framework XML Reference).
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest
from suitecloud_project import CABINET, PROJECT, RECORD_TYPES, objects

OBJECTS = objects()
SCRIPTS = {
    "restlet": "Restlet",
    "suitelet": "Suitelet",
    "usereventscript": "UserEventScript",
    "mapreducescript": "MapReduceScript",
}
PREFIXES = {
    **dict.fromkeys(SCRIPTS, "customscript_"),
    "customrecordtype": "customrecord_",
    "role": "customrole_",
}
FIELD_TYPES = {"TEXT", "TEXTAREA", "INTEGER", "CHECKBOX"}
REFERENCE = re.compile(r"\[scriptid=(\w+)\]")


def of_kind(*tags: str) -> list[ET.Element]:
    return [root for root in OBJECTS.values() if root.tag in tags]


def deployments(root: ET.Element) -> list[ET.Element]:
    return list(root.iter("scriptdeployment"))


def text(element: ET.Element, name: str) -> str:
    return element.findtext(name) or ""


def test_the_manifest_names_the_features_that_the_objects_need() -> None:
    manifest = ET.parse(PROJECT / "manifest.xml").getroot()
    assert manifest.get("projecttype") == "ACCOUNTCUSTOMIZATION"
    assert text(manifest, "frameworkversion") == "1.0"
    features = {each.text: each.get("required") for each in manifest.iter("feature")}
    # Without these a project with scripts and custom record types is refused.
    assert features["SERVERSIDESCRIPTING"] == features["CUSTOMRECORDS"] == "true"


def test_everything_is_deployed() -> None:
    deploy = ET.parse(PROJECT / "deploy.xml").getroot()
    assert [each.text for each in deploy.findall("files/path")] == ["~/FileCabinet/SuiteScripts/nsk/*"]
    assert [each.text for each in deploy.findall("objects/path")] == ["~/Objects/*"]
    # Without the sections for what this project does not have, files named by objects may not be found.
    assert [each.tag for each in deploy] == ["configuration", "files", "objects", "translationimports"]


def test_a_file_is_named_after_its_script_id() -> None:
    for path in (PROJECT / "Objects").glob("*.xml"):
        assert ET.parse(path).getroot().get("scriptid") == path.stem


def test_script_ids_have_their_prefix_and_are_at_most_40_characters_long() -> None:
    ids = [
        element.get("scriptid", "")
        for root in OBJECTS.values()
        for element in root.iter()
        if element.get("scriptid")
    ]
    assert len(ids) == len(set(ids))
    for each in ids:
        assert re.fullmatch(r"[a-z][a-z0-9_]{1,39}", each), each
    for script_id, root in OBJECTS.items():
        assert script_id.startswith(PREFIXES[root.tag])
        assert all(each.get("scriptid", "").startswith("customdeploy_") for each in deployments(root))


def test_names_fit() -> None:
    for root in OBJECTS.values():
        name = text(root, "recordname" if root.tag == "customrecordtype" else "name")
        assert 0 < len(name) <= 40, name
        assert len(text(root, "description")) <= 999


@pytest.mark.parametrize("root", of_kind(*SCRIPTS), ids=lambda root: root.tag)
def test_a_script_names_its_file_in_brackets_and_the_file_is_of_its_type(root: ET.Element) -> None:
    named = re.fullmatch(r"\[(/SuiteScripts/nsk/\w+\.js)\]", text(root, "scriptfile"))
    assert named is not None
    source = (CABINET / named[1].lstrip("/")).read_text(encoding="utf-8")
    assert f" * @NScriptType {SCRIPTS[root.tag]}\n" in source


@pytest.mark.parametrize("root", of_kind(*SCRIPTS), ids=lambda root: root.tag)
def test_a_deployment_has_what_its_script_type_requires(root: ET.Element) -> None:
    for each in deployments(root):
        assert text(each, "isdeployed") == "T"
        scheduled = root.tag == "mapreducescript"
        assert text(each, "status") == ("SCHEDULED" if scheduled else "RELEASED")
        # Titles are required of all but user events, which have a record type in their place.
        assert bool(text(each, "title")) is (root.tag != "usereventscript")
        assert bool(text(each, "recordtype")) is (root.tag == "usereventscript")
        if scheduled:
            assert each.find("allroles") is None


def test_only_those_who_need_a_script_may_call_it() -> None:
    restlet = deployments(OBJECTS["customscript_nsk_restlet"])[0]
    assert (text(restlet, "allroles"), text(restlet, "audslctrole")) == (
        "F",
        "[scriptid=customrole_nsk_connector]",
    )
    installer = deployments(OBJECTS["customscript_nsk_installer"])[0]
    assert (text(installer, "allroles"), text(installer, "audslctrole")) == ("F", "ADMINISTRATOR")
    # Whoever knows the address of a Suitelet that is online may run it without logging in.
    assert text(installer, "isonline") == "F"


def test_user_events_cover_every_record_type_for_everybody() -> None:
    found = {
        text(each, "recordtype").lower(): each for each in deployments(OBJECTS["customscript_nsk_user_event"])
    }
    assert sorted(found) == sorted(RECORD_TYPES)
    for record_type, each in found.items():
        assert each.get("scriptid") == f"customdeploy_nsk_ue_{record_type}"
        assert text(each, "allroles") == "T"
        # Shoppers are external roles, which "all roles" leaves out.
        assert "SHOPPER" in text(each, "audslctrole").split("|")
        # Who saves an order need not have a permission for the outbox.
        assert text(each, "runasrole") == "[scriptid=customrole_nsk_connector]"
        # Without a filter, it runs on any kind of save and wherever it comes from.
        assert each.find("eventtype") is None
        assert each.find("executioncontext") is None


def test_the_outbox_is_cleaned_every_day() -> None:
    script = OBJECTS["customscript_nsk_outbox_cleaning"]
    daily = script.find(".//recurrence/daily")
    assert daily is not None
    assert text(daily, "everyxdays") == "1"
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", text(daily, "startdate"))
    assert re.fullmatch(r"\d{2}:(00|30):00Z", text(daily, "starttime"))
    parameter = script.find(".//scriptcustomfield[@scriptid='custscript_nsk_keep_days']")
    assert parameter is not None
    # The framework can't give a mandatory parameter a value when it deploys.
    assert (text(parameter, "defaultvalue"), text(parameter, "ismandatory")) == ("14", "F")


@pytest.mark.parametrize("root", of_kind("customrecordtype"), ids=lambda root: root.get("scriptid"))
def test_custom_records_need_a_permission_and_keep_their_values(root: ET.Element) -> None:
    assert text(root, "accesstype") == "CUSTRECORDENTRYPERM"
    assert root.find("allowinlineinsert") is None
    fields = list(root.iter("customrecordcustomfield"))
    assert fields
    for each in fields:
        assert text(each, "label")
        assert text(each, "fieldtype") in FIELD_TYPES
        assert text(each, "storevalue") == "T"


def test_flows_are_on_unless_switched_off() -> None:
    fields = OBJECTS["customrecord_nsk_config"].iter("customrecordcustomfield")
    checkboxes = {
        each.get("scriptid"): text(each, "defaultchecked")
        for each in fields
        if text(each, "fieldtype") == "CHECKBOX"
    }
    assert checkboxes == {f"custrecord_nsk_cfg_{flow}": "T" for flow in ("catalog", "customers", "orders")}


def test_the_role_may_view_records_and_do_nothing_else() -> None:
    role = OBJECTS["customrole_nsk_connector"]
    # RESTlets refuse roles that are for web services only.
    assert text(role, "iswebserviceonlyrole") == "F"
    granted = [(text(each, "permkey"), text(each, "permlevel")) for each in role.iter("permission")]
    levels = dict(granted)
    assert len(levels) == len(granted)
    beyond_view = {key for key, level in granted if level != "VIEW"}
    assert beyond_view == {"ADMI_LOGIN_OAUTH", "ADMI_LOGIN_OAUTH2", "[scriptid=customrecord_nsk_outbox]"}
    for key in levels:
        reference = REFERENCE.fullmatch(key)
        assert reference[1] in OBJECTS if reference else re.fullmatch(r"(ADMI|LIST|TRAN)_[A-Z0-9_]+", key), (
            key
        )
    needed = ["ADMI_CUSTOMSCRIPT", "ADMI_DELETEDRECORD", "LIST_FIND", "[scriptid=customrecord_nsk_config]"]
    assert all(key in levels for key in needed)


def test_references_lead_to_objects_of_this_project() -> None:
    for root in OBJECTS.values():
        for each in REFERENCE.findall(ET.tostring(root, encoding="unicode")):
            assert each in OBJECTS
