"""The other kinds of script: Suitelets, map/reduce scripts and what starts them, files and parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from nsproject import Made, answered, post, refused
from nssandbox import customer

from netsuite_connector.sandbox.netsuite.engine import AccountError, Engine, SuiteletCall
from netsuite_connector.sandbox.netsuite.suitecloud import Deployment, Kind, Project
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount, running_sandbox

MAP_REDUCE = "<isdeployed>T</isdeployed><status>NOTSCHEDULED</status>"
COUNTING = """define(['N/search', 'N/record', 'N/log', 'N/runtime'], (search, record, log, runtime) => ({
    getInputData: () => search.create({ type: 'customer', columns: ['email', 'isperson', 'stage'] }),
    map: (context) => {
        const row = JSON.parse(context.value);
        if (row.values.email === 'broken') { throw new Error(`no ${context.key}`); }
        context.write({ key: row.values.stage.value, value: row.id });
    },
    reduce: (context) => context.write(context.key, context.values.sort().join('+')),
    summarize: (summary) => {
        const found = [];
        summary.output.iterator().each((key, value) => { found.push(`${key}=${value}`); return true; });
        let failed = 0;
        summary.mapSummary.errors.iterator().each(() => { failed += 1; return true; });
        log.audit('counted', `${found.sort().join(' ')} failed ${failed} in ${runtime.executionContext}`);
    },
}));"""

Start = Callable[[], tuple[Engine, Project]]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path)


@pytest.fixture
def start(made: Made) -> Iterator[Start]:
    engines: list[Engine] = []

    def begin() -> tuple[Engine, Project]:
        project = made.read()
        engines.append(Engine(project))
        return engines[-1], project

    yield begin
    for engine in engines:
        engine.close()


def suitelet(project: Project) -> Deployment:
    return next(each for each in project.deployments if each.kind is Kind.SUITELET)


# ---- Suitelets ---------------------------------------------------------------------------------------------


def test_a_suitelet_writes_an_answer_as_the_administrator(made: Made, start: Start) -> None:
    made.script(
        "suitelet",
        "customscript_page",
        "define(['N/runtime'], (runtime) => ({ onRequest: ({ request, response }) => {"
        " response.setHeader({ name: 'Content-Type', value: 'text/plain' });"
        " response.write(`${request.method} ${request.parameters.a} ${runtime.executionContext} `);"
        " response.writeLine({ output: runtime.getCurrentUser().roleId }); } }));",
    )
    engine, project = start()
    answer = engine.suitelet(suitelet(project), SuiteletCall("POST", {"a": "1"}))
    assert (answer.status, answer.body) == (200, "POST 1 SUITELET administrator\n")
    assert answer.headers == {"content-type": "text/plain"}


def test_a_suitelet_has_a_thousand_units(made: Made, start: Start) -> None:
    made.script(
        "suitelet",
        "customscript_page",
        "define(['N/search'], (search) => ({ onRequest: () => { for (;;) {"
        " search.create({ type: 'customer' }).runPaged(); } } }));",
    )
    engine, project = start()
    answer = engine.suitelet(suitelet(project), SuiteletCall())
    assert (answer.status, answer.units) == (400, 1005)
    assert "SSS_USAGE_LIMIT_EXCEEDED" in answer.body


def test_suitelets_are_pages_to_a_person(made: Made) -> None:
    made.script(
        "suitelet",
        "customscript_page",
        "define([], () => ({ onRequest: ({ request, response }) => {"
        " if (request.parameters.fail) { throw new Error('<broken>'); }"
        " response.write(`${request.method} ${request.parameters.note}`); } }));",
    )
    with running_sandbox("--suitecloud", str(made.folder)) as account:
        url = f"{account.url}/app/site/hosting/scriptlet.nl?script=customscript_page&deploy=1"
        assert requests.get(f"{url}&note=a", timeout=10).text == "GET a"
        assert requests.post(url, data={"note": "b c"}, timeout=10).text == "POST b c"
        broken = requests.get(f"{url}&fail=1", timeout=10)
        assert broken.status_code == 400
        assert "&lt;broken&gt;" in broken.text
        assert requests.get(url.replace("deploy=1", "deploy=2"), timeout=10).status_code == 404


# ---- map/reduce --------------------------------------------------------------------------------------------


def test_map_reduce_reads_a_search_in_its_own_json_form(made: Made, start: Start) -> None:
    made.script("mapreducescript", "customscript_count", COUNTING, (MAP_REDUCE,))
    engine, _ = start()
    engine.load("customer", [customer(n, stage="LEAD" if n == 2 else "CUSTOMER") for n in (1, 2, 3)])
    engine.load("customer", [customer(4, email="broken")])
    told = engine.admin("run", {"script": "customscript_count"})
    assert told["calls"] == {"map": 4, "reduce": 2}
    assert [(each["stage"], each["key"]) for each in told["errors"]] == [("map", "4")]
    assert engine.admin("log")[-1]["details"] == "CUSTOMER=1+3 LEAD=2 failed 1 in MAPREDUCE"


def test_each_map_has_units_of_its_own(made: Made, start: Start) -> None:
    source = (
        "define(['N/search'], (search) => ({ getInputData: () => ['a', { b: 1 }], map: (context) => {"
        " for (let n = 0; n < 150; n += 1) { search.create({ type: 'customer' }).runPaged(); } } }));"
    )
    made.script("mapreducescript", "customscript_count", source, (MAP_REDUCE,))
    engine, _ = start()
    assert engine.admin("run", {"script": "customscript_count"}) == {
        "units": 1500,
        "calls": {"map": 2, "reduce": 0},
        "errors": [],
    }


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("define([], () => ({ getInputData: () => 5, map: () => {} }));", "SSS_INVALID_MAP_REDUCE_INPUT"),
        ("define(['./none'], () => ({}));", "MODULE_DOES_NOT_EXIST"),
        ("define([], () => ({ getInputData: () => { throw new RangeError('no'); } }));", "RangeError"),
    ],
)
def test_an_error_before_the_first_map_is_told(made: Made, start: Start, source: str, said: str) -> None:
    made.script("mapreducescript", "customscript_count", source, (MAP_REDUCE,))
    engine, _ = start()
    (error,) = engine.admin("run", {"script": "customscript_count"})["errors"]
    assert (error["stage"], error["error"]["name"]) == ("getInputData", said)


def test_only_what_is_deployed_can_be_run(made: Made, start: Start) -> None:
    made.script("mapreducescript", "customscript_count", COUNTING, ("<isdeployed>F</isdeployed>",))
    engine, _ = start()
    with pytest.raises(AccountError, match="customscript_count"):
        engine.admin("run", {"script": "customscript_count"})


def test_a_task_runs_after_the_script_that_submitted_it_and_one_at_a_time(made: Made, start: Start) -> None:
    made.script("mapreducescript", "customscript_count", COUNTING, (MAP_REDUCE,))
    made.script(
        "restlet",
        "customscript_own",
        """define(['N/task', 'N/runtime'], (task, runtime) => ({ post: (wish) => {
            if (wish.id) { return task.checkStatus({ taskId: wish.id }).status; }
            const wanted = { taskType: task.TaskType.MAP_REDUCE, scriptId: 'customscript_count' };
            const submit = () => task.create(wanted).submit();
            const id = submit();
            let second = null;
            try { submit(); } catch (error) { second = error.name; }
            const left = runtime.getCurrentScript().getRemainingUsage();
            return [id, task.checkStatus({ taskId: id }).status, second, left];
        } }));""",
    )
    engine, project = start()
    first = answered(post(engine, project, {}))
    assert isinstance(first, list)
    assert first[1:] == ["PENDING", "MAP_REDUCE_ALREADY_RUNNING", 4960]
    assert post(engine, project, {"id": first[0]}).body == "COMPLETE"
    assert engine.admin("log")[-1]["title"] == "counted"
    assert isinstance(answered(post(engine, project, {})), list)


# ---- files and parameters ----------------------------------------------------------------------------------


def test_files_of_the_project_can_be_read(made: Made, start: Start) -> None:
    made.write("data/one.json", '{"a": "é"}')
    made.script(
        "restlet",
        "customscript_own",
        """define(['N/file', 'N/runtime'], (file, runtime) => ({ post: (id) => {
            const found = file.load({ id });
            const left = runtime.getCurrentScript().getRemainingUsage();
            return [found.name, found.size, JSON.parse(found.getContents()).a, left];
        } }));""",
    )
    engine, project = start()
    for path in ("./data/one.json", "/SuiteScripts/own/data/one.json", "SuiteScripts/own/data/one.json"):
        assert answered(post(engine, project, path)) == ["one.json", 11, "é", 4990]
    assert refused(post(engine, project, "./data/two.json")) == "RCRD_DSNT_EXIST"


def test_parameters_have_defaults_that_a_deployment_may_change(made: Made, start: Start) -> None:
    fields = "".join(
        f'<scriptcustomfield scriptid="custscript_{name}"><fieldtype>{kind}</fieldtype>'
        f"<defaultvalue>{value}</defaultvalue></scriptcustomfield>"
        for name, kind, value in (("days", "INTEGER", "14"), ("on", "CHECKBOX", "T"), ("word", "TEXT", ""))
    )
    source = (
        "define(['N/runtime', 'N/log'], (runtime, log) => ({ getInputData: () => {"
        " const script = runtime.getCurrentScript();"
        " log.debug({ title: 'read', details: ['days', 'on', 'word', 'none'].map("
        "(name) => script.getParameter({ name: `custscript_${name}` })) }); return []; } }));"
    )
    made.script(
        "mapreducescript",
        "customscript_count",
        source,
        (MAP_REDUCE, f"{MAP_REDUCE}<custscript_days>30</custscript_days>"),
        f"<scriptcustomfields>{fields}</scriptcustomfields>",
    )
    engine, _ = start()
    engine.admin("run", {"script": "customscript_count"})
    engine.admin("run", {"script": "customscript_count", "deployment": "customdeploy2"})
    engine.admin("run", {"script": "customscript_count", "parameters": {"custscript_days": 3}})
    assert [each["details"] for each in engine.admin("log")] == [
        "[14,true,null,null]",
        "[30,true,null,null]",
        "[3,true,null,null]",
    ]


# ---- the project's installer -------------------------------------------------------------------------------


def test_a_bare_account_has_no_searches_until_they_are_installed() -> None:
    with running_sandbox("--bare") as account:
        looked = account.installer(install=False)["searches"]
        assert {each["state"] for each in looked} == {"missing"}
        made = account.installer()
        assert {each["state"] for each in made["searches"]} == {"created"}
        assert made["usage"] <= 1000
        assert {each["state"] for each in account.installer()["searches"]} == {"kept"}


def test_an_account_starts_with_its_searches_and_custom_fields(account: SandboxAccount) -> None:
    assert {each["state"] for each in account.installer(install=False)["searches"]} == {"kept"}
    columns = {each["name"]: each for each in account.search("customsearch_nsk_orders")["columns"]}
    assert columns["custcol_gift_note"]["label"] == "Gift Note"
    assert columns["custbody_order_channel"]["label"] == "Order Channel"
