"""``python -m netsuite_connector.demo``: the whole line on this machine, up to a checked outcome."""

from __future__ import annotations

import contextlib
import datetime as dt
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version

import requests
from rich.console import Console

from netsuite_connector.demo import checks, environment, outcome, processes, runs, secrets, verify
from netsuite_connector.demo.airflow_api import AirflowApi
from netsuite_connector.demo.options import FLOWS, DemoError, Options, Places, parse, places
from netsuite_connector.demo.processes import StoppedError, Supervisor, python

NETSUITE_POOL = "netsuite"
NETSUITE_SLOTS = 2
HISTORY_POOL = "history"


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 0 when all went well; 1 with a sentence on stderr when not; 128 + n after signal n."""
    options = parse(arguments)
    # Where output goes to a file, lines are as wide as they need to be.
    console = Console(width=None if sys.stdout.isatty() else 120)
    signals = processes.Signals()
    signals.install()
    here = None
    supervisor = None
    try:
        here = places(options)
        if options.stop:
            return stop(here, console)
        supervisor = Supervisor(here.processes, signals)
        return Demo(options, here, supervisor, console).run()
    except StoppedError as stopped:
        return 128 + stopped.number
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
    except BrokenPipeError:
        pass
    except OSError as error:
        print(f"demo: {checks.explain(error, here) if here else error}", file=sys.stderr)
    finally:
        if supervisor and supervisor.running:
            # The terminal may be gone; that must not keep anything alive.
            with contextlib.suppress(OSError):
                print("demo: ending what it started", file=sys.stderr, flush=True)
            if here:
                here.environment.unlink(missing_ok=True)
            supervisor.end_all()
    return 1


def stop(here: Places, console: Console) -> int:
    """Ends the demo of this checkout that is running, or what one that was killed left."""
    found = processes.earlier(here.processes)
    if found.demo is not None:
        processes.ask_to_end(found.demo, seconds=processes.GRACE + 5)
    left = processes.earlier(here.processes)
    processes.end_sessions(left.sessions, grace=2)
    here.processes.unlink(missing_ok=True)
    here.environment.unlink(missing_ok=True)
    console.print(
        "stopped" if found.demo is not None or found.sessions else "no demo of this checkout is running"
    )
    return 0


class Demo:
    """One demo, step by step."""

    def __init__(self, options: Options, places: Places, supervisor: Supervisor, console: Console) -> None:
        self._options = options
        self._places = places
        self._supervisor = supervisor
        self._console = console
        self._started = time.monotonic()
        self._secrets = secrets.Secrets("", "", "", "")

    def run(self) -> int:
        """All of it; returns the exit status."""
        self._prepare()
        keys = self._start_accounts()
        api = self._start_airflow(keys)
        right = self._run_flows(api) and self._verify()
        self._say(f"\n{'All is right' if right else 'Not all is right'}, after {self._seconds()} s.")
        if not self._options.once:
            self._stay()
        return 0 if right else 1

    def _prepare(self) -> None:
        checks.check_folder(self._places)
        if checks.check_earlier(self._places):
            self._say("Ended what an earlier demo had left running.")
        checks.check_ports(self._options)
        if not checks.same_account(self._places, self._options):
            self._say("The sandbox accounts start anew.")
        self._secrets = secrets.load(self._places)

    def _start_accounts(self) -> dict[str, str]:
        """Starts both sandbox accounts and makes Airflow's database meanwhile. Returns the connections."""
        options, places, surroundings = self._options, self._places, environment.base(self._places)
        numbers = [f"--{name}={number}" for name, number in options.account.items()]
        self._supervisor.start(
            "sandbox-netsuite",
            python(
                *("-m", "netsuite_connector.sandbox.netsuite", f"--port={options.netsuite_port}"),
                # The time zone that docs/netsuite/deploy.md advises for the integration user.
                *(*numbers, f"--credentials={places.netsuite_credentials}", "--timezone=GMT"),
            ),
            surroundings,
            places.logs / "sandbox-netsuite.log",
        )
        self._supervisor.start(
            "sandbox-klaviyo",
            python(
                *("-m", "netsuite_connector.sandbox.klaviyo", f"--port={options.klaviyo_port}"),
                *(f"--database={places.klaviyo_database}", f"--keys={places.klaviyo_keys}"),
                f"--limits-scale={environment.LIMITS_SCALE}",
            ),
            surroundings,
            places.logs / "sandbox-klaviyo.log",
        )
        self._migrate()
        with self._step("sandbox NetSuite and Klaviyo accounts"):
            self._until(lambda: _answers(options.netsuite_url) and places.netsuite_credentials.exists(), 600)
            self._until(lambda: _answers(options.klaviyo_url) and places.klaviyo_keys.exists(), 60)
        return environment.connections(options, places)

    def _migrate(self) -> None:
        """Makes Airflow's database, unless an earlier demo has made it for the same version."""
        wanted = version("apache-airflow")
        stamp = self._places.migrated
        if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
            return
        with self._step("Airflow's database"):
            settings = environment.airflow(self._places, self._options, self._secrets)
            log = self._places.logs / "migrate.log"
            command = python("-m", "airflow", "db", "migrate")
            self._supervisor.finish(self._supervisor.start("airflow db migrate", command, settings, log))
            stamp.write_text(wanted, encoding="utf-8")

    def _start_airflow(self, connections: dict[str, str]) -> AirflowApi:
        settings = environment.airflow(self._places, self._options, self._secrets) | connections
        environment.write(self._places.environment, settings)
        api = AirflowApi(self._options.ui_url, secrets.USER, self._secrets.password)
        since = dt.datetime.now(dt.UTC).isoformat().replace("+00:00", "Z")
        with self._step("Airflow"):
            for name, *more in (
                ("api-server",),
                ("dag-processor",),
                # Logs are read from the folder; the servers that offer them would listen on every address.
                ("scheduler", "--skip-serve-logs"),
                ("triggerer", "--skip-serve-logs"),
            ):
                command = python("-m", "airflow", name, *more)
                self._supervisor.start(
                    f"airflow {name}", command, settings, self._places.logs / f"{name}.log"
                )
            self._until(lambda: not api.unhealthy(), 180)
            api.log_in()
            api.make_pool(NETSUITE_POOL, NETSUITE_SLOTS, "How many tasks may read from NetSuite at once")
            api.make_pool(HISTORY_POOL, 1, "Windows of history backfills, one at a time")
        with self._step(f"DAGs {', '.join(FLOWS)}"):
            runs.wait_for_dags(api, FLOWS, since, self._supervisor.check)
        return api

    def _run_flows(self, api: AirflowApi) -> bool:
        """Runs the flows and prints their table; returns whether every number adds up."""
        self._say("")
        going = runs.start(api, FLOWS)
        with self._console.status("the flows are running"):
            for line in runs.follow(api, going, self._supervisor.check):
                self._say(line)
        self._say("")
        outcome.show(self._console, going)
        for run in going:
            if run.state != "success":
                logs = self._places.airflow / "logs" / f"dag_id={run.flow}" / f"run_id={run.run_id}"
                self._say(f"\n{run.flow} failed. {run.failure or ''}\n  The whole story is in {logs}")
        return all(run.report and run.state == "success" and outcome.adds_up(run.report) for run in going)

    def _verify(self) -> bool:
        """Compares what the sandbox Klaviyo account holds with what NetSuite's records call for."""
        self._say("\nWhat Klaviyo holds, against what NetSuite's raw records call for:")
        findings = verify.verify(self._options.netsuite_url, self._options.klaviyo_url)
        for finding in findings:
            self._say(f"  {finding.what:<16} {finding.sentence}")
            for difference in finding.differences[: verify.SHOWN]:
                self._say(f"{'':<19}{difference}")
        return not any(finding.differences for finding in findings)

    def _stay(self) -> None:
        options = self._options
        self._say(
            f"\n  Airflow          {options.ui_url}    user {secrets.USER}, password {self._secrets.password}"
            "\n                   Browse > NetSuite → Klaviyo shows how the flows are"
            f"\n  sandbox NetSuite {options.netsuite_url}"
            f"\n  sandbox Klaviyo  {options.klaviyo_url}"
            "\n\nAll of it stays up until Ctrl-C."
        )
        with contextlib.suppress(StoppedError):
            while True:
                self._supervisor.check()
                time.sleep(1)

    def _until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Waits until something is ready; raises DemoError when a process ends meanwhile, or it takes too
        long.
        """
        until = time.monotonic() + seconds
        while not ready():
            self._supervisor.check()
            if time.monotonic() > until:
                raise DemoError(
                    f"It was not ready within {seconds:.0f} s. The processes' logs are in {self._places.logs}"
                )
            time.sleep(0.2)

    @contextlib.contextmanager
    def _step(self, what: str) -> Iterator[None]:
        started = time.monotonic()
        with self._console.status(f"{what} …"):
            yield
        self._say(f"{what}: ready ({time.monotonic() - started:.1f} s)")

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _seconds(self) -> int:
        return round(time.monotonic() - self._started)


def _answers(url: str) -> bool:
    with requests.Session() as session:
        session.trust_env = False
        try:
            session.get(url, timeout=2)
        except requests.RequestException:
            return False
    return True


if __name__ == "__main__":
    sys.exit(main())
