// Runs the entry points of RESTlets, Suitelets and map/reduce scripts, and N/task, which starts the latter.
'use strict';

(() => {
    const SUITELET_UNITS = 1000;
    const CONTEXTS = { restlet: 'RESTLET', suitelet: 'SUITELET', mapreducescript: 'MAPREDUCE' };
    // Units of each function of a map/reduce script; of map and reduce for each call.
    const STAGE_UNITS = { getInputData: 10000, map: 1000, reduce: 5000, summarize: 10000 };
    const TASK_UNITS = 20;

    ns.deployments = [];

    const runningOf = (deployment, changes = {}) => ({
        kind: deployment.kind, script: deployment.script, deployment: deployment.deployment, path: deployment.path,
        parameters: deployment.parameters, context: CONTEXTS[deployment.kind], as: 'administrator', ...changes,
    });

    const text = (body) => (typeof body === 'string' ? body : body === undefined || body === null ? '' : JSON.stringify(body));

    /** What a script answered, as the engine reads it: HTTP status, units used and body, parted by line feeds. */
    const outcome = (status, units, body) => `${status}\n${units}\n${body}`;

    const refusal = (failure) => JSON.stringify({ error: ns.errorBody(failure) });

    // ---- RESTlets -------------------------------------------------------------------------------------------------------

    /** Runs one RESTlet call: `{ deployment, method, input, emptySearches }` as JSON. */
    ns.runRestlet = (request) => {
        const { deployment, method, input, emptySearches } = JSON.parse(request);
        const notThere = { error: { code: 'SSS_INVALID_RETURN_DATA_FORMAT', message: `${method} is not implemented` } };
        return ns.metered(ns.settings.units, (meter) => {
            let body = '';
            let failed = null;
            try {
                const there = ns.runAs(runningOf(deployment, { as: deployment.run_as || 'integration', emptySearches }), () => {
                    if (!ns.maySuiteScript()) {
                        ns.refusePermission('SuiteScript');
                    }
                    const module = ns.loadScript(deployment.path);
                    if (typeof module[method] !== 'function') {
                        return false;
                    }
                    body = text(module[method](input));
                    return true;
                });
                if (!there) {
                    return outcome(405, meter.used, JSON.stringify(notThere));
                }
            } catch (failure) {
                failed = failure;
            }
            failed = meter.ended || failed;
            if (failed === null && ns.utf8Length(body) > ns.settings.outputBytes) {
                failed = new ns.SuiteScriptError({
                    name: 'SSS_FILE_CONTENT_SIZE_EXCEEDED', message: 'The content of a RESTlet response may not exceed 10 MB.',
                });
            }
            return failed === null ? outcome(200, meter.used, body) : outcome(400, meter.used, refusal(failed));
        });
    };

    // ---- Suitelets ------------------------------------------------------------------------------------------------------

    class Response {
        constructor() {
            this.headers = { 'content-type': 'text/html; charset=utf-8' };
            this.parts = [];
        }

        setHeader({ name, value }) {
            this.headers[String(name).toLowerCase()] = String(value);
        }

        addHeader(options) {
            this.setHeader(options);
        }

        write(options) {
            this.parts.push(String(options !== null && typeof options === 'object' ? options.output : options));
        }

        writeLine(options) {
            this.write(options);
            this.parts.push('\n');
        }
    }

    /**
     * Runs one Suitelet call: `{ deployment, method, parameters, headers, body, url }` as JSON, as the administrator. The body of what
     * it answers is `{ headers, body }` as JSON, or an error's.
     */
    ns.runSuitelet = (request) => {
        const { deployment, method, parameters, headers, body, url } = JSON.parse(request);
        const response = new Response();
        return ns.metered(SUITELET_UNITS, (meter) => {
            let failed = null;
            try {
                ns.runAs(runningOf(deployment), () => ns.loadScript(deployment.path).onRequest({
                    request: { method, parameters, headers, body, url, files: {}, clientIpAddress: '127.0.0.1' }, response,
                }));
            } catch (failure) {
                failed = failure;
            }
            failed = meter.ended || failed;
            return failed === null
                ? outcome(200, meter.used, JSON.stringify({ headers: response.headers, body: response.parts.join('') }))
                : outcome(400, meter.used, refusal(failed));
        });
    };

    // ---- map/reduce -----------------------------------------------------------------------------------------------------

    /** Key and value pairs of what getInputData gave: a list, an object, a search or a reference to a saved one. */
    const pairsOf = (input) => {
        const search = input && input.type === 'search' && input.id ? ns.module('N/search').load({ id: input.id }) : input;
        if (search && typeof search.runPaged === 'function') {
            const paged = search.runPaged({ pageSize: 1000 });
            return paged.pageRanges.flatMap(({ index }) => paged.fetch({ index }).data)
                .map((result, index) => [String(result.id || index + 1), ns.mapReduceValue(result, index + 1)]);
        }
        if (input === null || typeof input !== 'object') {
            ns.fail('SSS_INVALID_MAP_REDUCE_INPUT', 'getInputData must give a list, an object or a search.');
        }
        return Object.entries(input).map(([key, value]) => [key, text(value)]);
    };

    const iterator = (entries) => ({
        each: (callback) => {
            entries.every((entry) => callback(...entry) !== false);
        },
    });

    class MapReduce {
        constructor(deployment, parameters) {
            this.deployment = deployment;
            this.running = runningOf(deployment, { parameters: { ...deployment.parameters, ...parameters } });
            this.module = {};
            this.units = 0;
            this.errors = []; // [stage, key, error as JSON]
            this.calls = { map: 0, reduce: 0 };
        }

        /** Does a part of a stage on a meter of its own. What is thrown is noted, as the platform does; undefined then. */
        part(stage, key, units, work) {
            return ns.metered(units, (meter) => {
                let answer;
                let failed = null;
                try {
                    answer = ns.runAs(this.running, work);
                } catch (failure) {
                    failed = failure;
                }
                failed = meter.ended || failed;
                if (failed !== null) {
                    this.errors.push([stage, key, ns.errorBody(failed).message]);
                }
                this.units += units === Infinity ? 0 : meter.used;
                return answer;
            });
        }

        /** Calls one function of the script. */
        call(stage, key, context) {
            return this.part(stage, key, STAGE_UNITS[stage], () => this.module[stage](context));
        }

        context(key, more, written) {
            return {
                key, isRestarted: false, executionNo: 1, ...more,
                write: (one, other) => {
                    const pair = other === undefined && one !== null && typeof one === 'object' ? [one.key, one.value] : [one, other];
                    written.push(pair.map(text));
                },
            };
        }

        summary(output) {
            const errorsOf = (wanted) => this.errors.filter(([stage]) => stage === wanted);
            const stage = (name) => {
                const entries = errorsOf(name).map(([, key, error]) => [key, error, 1]);
                return { errors: { iterator: () => iterator(entries) } };
            };
            const failed = errorsOf('getInputData');
            return {
                isRestarted: false, concurrency: 1, yields: 0, usage: this.units, seconds: 0,
                inputSummary: { error: failed.length > 0 ? failed[0][2] : null },
                mapSummary: stage('map'),
                reduceSummary: stage('reduce'),
                output: { iterator: () => iterator(output) },
            };
        }

        run() {
            this.part('getInputData', null, Infinity, () => {
                this.module = ns.loadScript(this.deployment.path);
            });
            if (this.errors.length > 0) {
                return this.outcome();
            }
            const input = this.call('getInputData', null, { isRestarted: false });
            let pairs = [];
            if (this.errors.length === 0) {
                // The platform itself reads what a search finds: that costs the script nothing.
                pairs = this.part('getInputData', null, Infinity, () => pairsOf(input)) || [];
            }
            if (typeof this.module.map === 'function') {
                const written = [];
                pairs.forEach(([key, value]) => this.call('map', key, this.context(key, { value }, written)));
                this.calls.map = pairs.length;
                pairs = written;
            }
            if (typeof this.module.reduce === 'function') {
                const groups = new Map();
                pairs.forEach(([key, value]) => groups.set(key, (groups.get(key) || []).concat(value)));
                const written = [];
                groups.forEach((values, key) => this.call('reduce', key, this.context(key, { values }, written)));
                this.calls.reduce = groups.size;
                pairs = written;
            }
            if (typeof this.module.summarize === 'function') {
                this.call('summarize', null, this.summary(pairs));
            }
            return this.outcome();
        }

        outcome() {
            const errors = this.errors.map(([stage, key, error]) => ({ stage, key, error: JSON.parse(error) }));
            return { units: this.units, calls: this.calls, errors };
        }
    }

    const named = (script, deployment) => ns.deployments.filter((each) => each.kind === 'mapreducescript' && each.script === script
        && (!deployment || each.deployment === deployment) && each.released);

    /** Runs a map/reduce script to its end: `{ units, calls: { map, reduce }, errors: [{ stage, key, error }] }`. */
    ns.runMapReduce = ({ script, deployment, parameters }) => {
        const [found] = named(script, deployment);
        if (found === undefined) {
            ns.fail('RCRD_DSNT_EXIST', `there is no deployed map/reduce script ${script}`);
        }
        return new MapReduce(found, parameters || {}).run();
    };

    // ---- N/task ---------------------------------------------------------------------------------------------------------

    const tasks = []; // { id, deployment, parameters, status }
    const isUnfinished = ({ status }) => status === 'PENDING' || status === 'PROCESSING';

    /** Runs the tasks that were waiting; those that they submit wait for the next time. */
    ns.runTasks = () => tasks.filter(({ status }) => status === 'PENDING').forEach((task) => {
        task.status = 'PROCESSING';
        const { errors } = new MapReduce(task.deployment, task.parameters).run();
        task.status = errors.length === 0 ? 'COMPLETE' : 'FAILED';
    });

    class MapReduceTask {
        constructor({ scriptId, deploymentId, params }) {
            Object.assign(this, { taskType: 'MAP_REDUCE', scriptId, deploymentId, params });
        }

        submit() {
            ns.charge(TASK_UNITS);
            const found = named(this.scriptId, this.deploymentId);
            if (found.length === 0) {
                ns.fail('INVALID_SCRIPT_DEPLOYMENT_ID_COMBINATION', 'No deployed map/reduce script is named so.');
            }
            const idle = found.find((deployment) => !tasks.some((task) => isUnfinished(task) && task.deployment === deployment));
            if (idle === undefined) {
                ns.fail('MAP_REDUCE_ALREADY_RUNNING', 'This map/reduce script deployment is already running or waits to run.');
            }
            const id = `MAPREDUCETASK_${tasks.length + 1}`;
            tasks.push({ id, deployment: idle, parameters: this.params, status: 'PENDING' });
            return id;
        }
    }

    const TaskType = { MAP_REDUCE: 'MAP_REDUCE' };
    ns.define('N/task', {
        TaskType,
        TaskStatus: { PENDING: 'PENDING', PROCESSING: 'PROCESSING', COMPLETE: 'COMPLETE', FAILED: 'FAILED' },
        create: (options) => {
            if (!options || options.taskType !== TaskType.MAP_REDUCE) {
                ns.fail('SANDBOX_NOT_SUPPORTED', 'this sandbox account runs map/reduce tasks only');
            }
            return new MapReduceTask(options);
        },
        checkStatus: ({ taskId }) => {
            const task = tasks.find(({ id }) => id === taskId);
            return { status: task === undefined ? null : task.status };
        },
    });
})();
