"""The dashboard's web app, which Airflow's API server mounts: a page a function. It only reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, Depends, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

from netsuite_connector.commands.masking import masked_text
from netsuite_connector.dashboard import airflow_runs, reconciliation
from netsuite_connector.dashboard.access import Flow, UnknownError, View, logged_in, view_of
from netsuite_connector.dashboard.overview import flow_status, overview
from netsuite_connector.dashboard.rendering import HEADERS, Paging, render
from netsuite_connector.errors import ConnectorError, MendError
from netsuite_connector.flows.past_runs import past_run, past_run_keys, past_runs
from netsuite_connector.flows.rejected_pages import Sought, rejected_page
from netsuite_connector.flows.rejections import Wanted, rejected

RUNS_A_PAGE = 25
ROWS_A_PAGE = 50


def _view(user: GetUserDep) -> View:
    return view_of(user)


ViewDep = Annotated[View, Depends(_view)]
PageNumber = Annotated[int, Query(ge=1, le=1_000_000)]
Text = Annotated[str, Query(max_length=500)]
Name = Annotated[str, Query(min_length=1, max_length=500)]
InternalId = Annotated[int, Query(ge=-(1 << 63), lt=1 << 63)]

router = APIRouter()


class Shown(StrEnum):
    """Which runs of a flow are shown."""

    RUNS = "runs"
    HISTORY = "history"


def create_app() -> FastAPI:
    """The app. Whoever is not logged in to Airflow gets nothing but 401."""
    # Descriptions of the app would be open to everybody.
    app = FastAPI(dependencies=[Depends(logged_in)], openapi_url=None, docs_url=None, redoc_url=None)
    app.include_router(router)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _misread)
    app.add_exception_handler(UnknownError, _unknown)
    app.add_exception_handler(ConnectorError, _to_mend)
    return app


@router.get("/")
def show_overview(view: ViewDep, session: SessionDep) -> HTMLResponse:
    """All stores and flows at a glance."""
    return _page("overview.html", stores=overview(session, view), now=datetime.now(UTC))


@router.get("/flow")
def show_flow(  # noqa: PLR0913, PLR0917 - a parameter a field of the address
    view: ViewDep,
    session: SessionDep,
    store: Name,
    flow: Name,
    page: PageNumber = 1,
    shown: Shown = Shown.RUNS,
) -> HTMLResponse:
    """A flow, and its runs or its windows of history."""
    found = view.store(store).flow(flow)
    dags = airflow_runs.dag_states(session, [found.dag_id])
    keys = past_run_keys(view.staging, store, flow, history=shown is Shown.HISTORY)
    paging = Paging(page, RUNS_A_PAGE, len(keys))
    return _page(
        "flow.html",
        store=found.store,
        status=flow_status(view.staging, found, dags.get(found.dag_id)),
        runs=list(past_runs(view.staging, store, flow, keys[paging.first : paging.last])),
        paging=paging,
        history=shown is Shown.HISTORY,
    )


@router.get("/run")
def show_run(view: ViewDep, store: Name, flow: Name, run: Name) -> HTMLResponse:
    """The numbers of a run."""
    found = view.store(store).flow(flow)
    past = past_run(view.staging, store, flow, run)
    if past is None:
        raise UnknownError(f"There is no run '{run}' of {flow} in staging: it may have been cleaned up.")
    return _page("run.html", store=found.store, flow=flow, run=past)


@router.get("/rejected")
def show_rejected(  # noqa: PLR0913, PLR0917 - a parameter a field of the form
    view: ViewDep, store: Name, flow: Text = "", reason: Text = "", since: Text = "", page: PageNumber = 1
) -> HTMLResponse:
    """The rejected rows of a store, those seen last first."""
    seen = view.store(store)
    chosen: Sequence[Flow] = [seen.flow(flow)] if flow else seen.flows
    # What is masked can't be found out by looking for it either.
    wanted = reason.casefold()
    sought = Sought(
        reason=(lambda why: wanted in masked_text(why).casefold()) if reason else None,
        since=_midnight(since, seen.store.timezone) if since else None,
    )
    runs = [each.run(view.staging) for each in chosen]
    rows = rejected_page(runs, sought, (page - 1) * ROWS_A_PAGE, ROWS_A_PAGE)
    return _page(
        "rejected.html",
        store=seen.store,
        flows=[each.name for each in seen.flows],
        rows=rows,
        reasons=_masked_reasons(rows.reasons).most_common(),
        paging=Paging(page, ROWS_A_PAGE, rows.total),
        asked={"store": store, "flow": flow, "reason": reason, "since": since},
    )


@router.get("/row")
def show_row(view: ViewDep, store: Name, flow: Name, source: Name, id: InternalId) -> HTMLResponse:  # noqa: A002
    """All that is known of a record's rejected rows, masked."""
    found = view.store(store).flow(flow)
    rows = list(rejected(found.run(view.staging), Wanted(source=source, ids=(id,))))
    if not rows:
        raise UnknownError(f"Record {id} is not on the list of {flow} any more: it has passed, or is gone.")
    return _page("row.html", store=found.store, flow=flow, source=source, id=id, rows=rows)


@router.get("/reconciliation")
def show_reconciliations(view: ViewDep, store: Name, flow: Name, page: PageNumber = 1) -> HTMLResponse:
    """The reconciliations of a flow, those of the latest days first."""
    found = view.store(store).flow(flow)
    names = reconciliation.spans(view.staging, store, flow)
    paging = Paging(page, RUNS_A_PAGE, len(names))
    reports = reconciliation.reports(view.staging, store, flow, names[paging.first : paging.last])
    return _page("reconciliations.html", store=found.store, flow=flow, reports=list(reports), paging=paging)


@router.get("/report")
def show_report(  # noqa: PLR0913, PLR0917 - a parameter a field of the address
    view: ViewDep,
    store: Name,
    flow: Name,
    span: Name,
    verdict: Text = "",
    kind: Text = "",
    page: PageNumber = 1,
) -> HTMLResponse:
    """What a reconciliation found, by kind and day, and record by record."""
    found = view.store(store).flow(flow)
    report = reconciliation.read(view.staging, store, flow, span)
    if report is None:
        raise UnknownError(f"There is no reconciliation '{span}' of {flow}: it may have been cleaned up.")
    findings = reconciliation.findings(
        view.staging,
        store,
        report,
        verdict=verdict or None,
        kind=kind or None,
        first=(page - 1) * ROWS_A_PAGE,
        count=ROWS_A_PAGE,
    )
    return _page(
        "report.html",
        store=found.store,
        report=report,
        findings=findings,
        paging=Paging(page, ROWS_A_PAGE, findings.total),
        asked={"store": store, "flow": flow, "span": span, "verdict": verdict, "kind": kind},
    )


def _masked_reasons(reasons: Counter[tuple[str, str]]) -> Counter[tuple[str, str]]:
    """The reasons as people may see them; those that only differ in what is masked are one."""
    counts: Counter[tuple[str, str]] = Counter()
    for (flow, why), count in reasons.items():
        counts[flow, masked_text(why)] += count
    return counts


def _midnight(day: str, zone: str) -> str:
    """The first moment of a day in a time zone, as ISO 8601 UTC. Raises MendError for what is no day."""
    try:
        found = date.fromisoformat(day)
        return datetime.combine(found, time(), ZoneInfo(zone)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError):
        raise MendError(f"'{day}' is no day: write it like 2026-11-30.") from None


def _page(template: str, *, status_code: int = 200, **found: Any) -> HTMLResponse:
    return HTMLResponse(render(template, **found), status_code=status_code, headers=HEADERS)


def _problem(status: int, sentence: str) -> HTMLResponse:
    return _page("problem.html", status_code=status, sentence=sentence)


def _refused(_: Request, error: Exception) -> HTMLResponse:
    status = error.status_code if isinstance(error, HTTPException) else 500
    sentences = {
        401: "You are not logged in to Airflow (any more): log in, then load this page again.",
        403: "Your Airflow user may not see this page: ask for the right to read plugins.",
        404: "There is no such page.",
    }
    return _problem(status, sentences.get(status, "This is not possible."))


def _misread(_: Request, __: Exception) -> HTMLResponse:
    return _problem(422, "The address of this page is incomplete: begin at the overview.")


def _unknown(_: Request, error: Exception) -> HTMLResponse:
    return _problem(404, str(error))


def _to_mend(_: Request, error: Exception) -> HTMLResponse:
    return _problem(400 if isinstance(error, MendError) else 503, str(error))
