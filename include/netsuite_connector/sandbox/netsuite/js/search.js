// N/search: loads and creates searches, runs them, gives paged and plain results.
'use strict';

(() => {
    const MAX_PAGES = 1000;
    const Type = {
        CUSTOMER: 'customer', CONTACT: 'contact', ITEM: 'item', TRANSACTION: 'transaction', LEAD: 'lead', PROSPECT: 'prospect',
        SALES_ORDER: 'salesorder', INVOICE: 'invoice', CASH_SALE: 'cashsale', CASH_REFUND: 'cashrefund', CREDIT_MEMO: 'creditmemo',
        ESTIMATE: 'estimate', OPPORTUNITY: 'opportunity', ITEM_FULFILLMENT: 'itemfulfillment', RETURN_AUTHORIZATION: 'returnauthorization',
        SUPPORT_CASE: 'supportcase', FOLDER: 'folder', INVENTORY_ITEM: 'inventoryitem', NON_INVENTORY_ITEM: 'noninventoryitem',
        ASSEMBLY_ITEM: 'assemblyitem', KIT_ITEM: 'kititem', DELETED_RECORD: 'deletedrecord', SAVED_SEARCH: 'savedsearch',
    };
    const Sort = { ASC: 'ASC', DESC: 'DESC', NONE: 'NONE' };
    const Summary = { GROUP: 'GROUP', COUNT: 'COUNT', SUM: 'SUM', AVG: 'AVG', MIN: 'MIN', MAX: 'MAX' };
    const Operator = Object.fromEntries([
        'after', 'allof', 'any', 'anyof', 'before', 'between', 'contains', 'doesnotcontain', 'doesnotstartwith', 'equalto',
        'greaterthan', 'greaterthanorequalto', 'haskeywords', 'is', 'isempty', 'isnot', 'isnotempty', 'lessthan', 'lessthanorequalto',
        'noneof', 'notafter', 'notallof', 'notbefore', 'notbetween', 'notequalto', 'notgreaterthan', 'notgreaterthanorequalto',
        'notlessthan', 'notlessthanorequalto', 'noton', 'notonorafter', 'notonorbefore', 'notwithin', 'on', 'onorafter', 'onorbefore',
        'startswith', 'within',
    ].map((name) => [name.toUpperCase(), name]));

    const { Column, Filter, Result, expressionOf } = ns;
    const plainRow = (part, columns, fields) => (found) => new Result(part, columns, fields, ...found);

    const SAVED_COLUMNS = ['internalid', 'id', 'title', 'recordtype'];

    /** The account's saved searches, seen as rows of a search. */
    const savedSearchRows = (columns, sorts) => {
        columns.forEach(({ name }) => SAVED_COLUMNS.includes(name) || ns.fail(
            'SSS_INVALID_SRCH_COL', `An nlobjSearchColumn contains an invalid column, or is not in proper syntax: ${name}.`,
        ));
        const rows = ns.store.searches.map((saved) => ({
            internalid: saved.internalid, id: saved.id, title: saved.title, recordtype: saved.type[0].toUpperCase() + saved.type.slice(1),
        }));
        if (sorts.length > 0 && sorts[0].down) {
            rows.reverse();
        }
        return { count: rows.length, at: (index) => [rows[index], undefined] };
    };
    const savedSearchField = (name) => ({ name, type: 'text', text: String, read: (record) => record[name] });

    class Search {
        constructor({ type, filters, columns, title = null, id = null, searchId = null, isPublic = false }, typed) {
            this.searchType = type;
            this.filterExpression = expressionOf(filters);
            this.columns = [columns === undefined || columns === null ? [] : columns].flat()
                .map((column) => (column instanceof Column ? column : new Column(column, typed(column))));
            Object.assign(this, { title, id, searchId, isPublic });
        }

        get filters() {
            const flat = [];
            const walk = (node) => {
                if (!Array.isArray(node)) {
                    return;
                }
                if (typeof node[0] === 'string' && typeof node[1] === 'string' && node[0].toUpperCase() !== 'NOT') {
                    const pieces = node[0].split('.');
                    const name = pieces.pop();
                    flat.push(new Filter({ name, join: pieces.join('.'), operator: node[1], values: node.slice(2).flat() }));
                    return;
                }
                node.forEach(walk);
            };
            walk(this.filterExpression);
            return flat;
        }

        set filters(filters) {
            this.filterExpression = expressionOf(filters);
        }

        /** Checks the definition and gives `{ columns, find, row }`: `find` works the rows out anew each time, `row` makes one a result. */
        prepare() {
            const columns = this.columns.slice();
            const sorted = columns.filter(({ sort }) => sort === Sort.ASC || sort === Sort.DESC);
            const down = (column) => column.sort === Sort.DESC;
            if (String(this.searchType).toLowerCase() === Type.SAVED_SEARCH) {
                const sorts = sorted.map((column) => ({ column, down: down(column) }));
                const fields = ns.shownFields(columns.map(({ name }) => savedSearchField(name)));
                return { columns, find: () => savedSearchRows(columns, sorts), row: plainRow(['savedsearch'], columns, fields) };
            }
            const part = ns.searchTable(this.searchType);
            const used = new ns.Used();
            const field = (column) => {
                const known = ns.columnField(part[0], column.name, column.join, used);
                return column.formula ? { ...known, read: ns.formula(part[0], column.formula, used) } : known;
            };
            const fields = ns.shownFields(columns.map(field));
            const sorts = sorted.map((column) => ({ column, field: fields[columns.indexOf(column)], down: down(column) }));
            const conditions = ns.splitSummary(JSON.parse(JSON.stringify(this.filterExpression)));
            if (columns.some(({ summary }) => summary)) {
                return ns.prepareSummary(part, columns, fields, sorts, conditions, used);
            }
            if (conditions.summaries.length > 0) {
                ns.fail('SSS_INVALID_SRCH_FILTER_EXPR', 'A summary filter needs a search with summary columns.');
            }
            return { columns, find: () => ns.findRows(part, conditions.rows, sorts, used), row: plainRow(part, columns, fields) };
        }

        run() {
            return new ResultSet(this.prepare());
        }

        runPaged(options = {}) {
            const pageSize = options.pageSize === undefined ? 50 : Number(options.pageSize);
            if (!(pageSize >= 5 && pageSize <= 1000)) {
                ns.fail('INVALID_PAGE_SIZE', 'The page size must be from 5 to 1000.');
            }
            ns.charge(5, ns.settings.searchSeconds);
            return new PagedData(this.prepare(), pageSize);
        }

        save() {
            ns.charge(5);
            if (!this.title) {
                ns.missing('title');
            }
            const same = ns.store.searches.find(({ id }) => id === this.id);
            const internalid = same === undefined
                ? Math.max(100, ...ns.store.searches.map((saved) => saved.internalid)) + 1 : same.internalid;
            ns.installSearch({
                internalid, id: this.id || `customsearch${internalid}`, title: this.title, type: this.searchType,
                filters: this.filterExpression, columns: this.columns.map((column) => ({ ...column })),
            });
            return internalid;
        }
    }

    const slice = ({ row }, rows, start, end) => {
        const results = [];
        for (let index = start; index < Math.min(end, rows.count); index += 1) {
            results.push(row(rows.at(index)));
        }
        return results;
    };

    class PagedData {
        constructor(prepared, pageSize) {
            this.count = prepared.find().count;
            this.pageSize = pageSize;
            const pages = Math.min(MAX_PAGES, Math.ceil(this.count / pageSize));
            this.pageRanges = Array.from({ length: pages }, (unused, index) => ({ index, compoundKey: String(index), compoundLabel: '' }));
            Object.defineProperty(this, 'prepared', { value: prepared, enumerable: false });
        }

        fetch(options) {
            const index = typeof options === 'object' && options !== null ? Number(options.index) : Number(options);
            ns.charge(5, ns.settings.searchSeconds);
            if (!Number.isInteger(index) || index < 0 || index >= this.pageRanges.length) {
                ns.fail('INVALID_PAGE_RANGE', 'Invalid page range.');
            }
            const { pageSize } = this;
            const data = slice(this.prepared, this.prepared.find(), index * pageSize, (index + 1) * pageSize);
            const last = index === this.pageRanges.length - 1;
            return {
                data, pageRange: this.pageRanges[index], pagedData: this, isFirst: index === 0, isLast: last,
                next: () => this.fetch({ index: index + 1 }), prev: () => this.fetch({ index: index - 1 }),
            };
        }
    }

    class ResultSet {
        constructor(prepared) {
            this.columns = prepared.columns;
            Object.defineProperty(this, 'prepared', { value: prepared, enumerable: false });
        }

        getRange(options, until) {
            const { start, end } = typeof options === 'object' ? options : { start: options, end: until };
            if (start < 0 || end < 0) {
                ns.fail('SSS_INVALID_SEARCH_RESULT_INDEX', 'Invalid search result index.');
            }
            if (end - start > 1000) {
                ns.fail('SSS_SEARCH_RESULT_LIMIT_EXCEEDED', 'No more than 1000 search results may be requested at one time.');
            }
            ns.charge(10, ns.settings.searchSeconds);
            return slice(this.prepared, this.prepared.find(), start, end);
        }

        each(callback) {
            ns.charge(10, ns.settings.searchSeconds);
            const rows = this.prepared.find();
            for (let index = 0; index < rows.count; index += 1) {
                if (index >= 4000) {
                    ns.fail('SSS_SEARCH_FOR_EACH_LIMIT_EXCEEDED', 'No more than 4000 search results may be read with each().');
                }
                if (callback(slice(this.prepared, rows, index, index + 1)[0]) !== true) {
                    return;
                }
            }
        }
    }

    /** Puts a saved search into the account, in place of one with the same id. */
    ns.installSearch = (saved) => {
        const others = ns.store.searches.filter(({ id }) => id !== saved.id);
        ns.store.searches = others.concat(saved).sort((one, other) => one.internalid - other.internalid);
    };

    // The platform tells the types of a loaded search's columns; a removed field has none.
    const typeOf = (type) => (column) => {
        if (!ns.settings.columnTypes) {
            return null;
        }
        try {
            return ns.columnField(ns.searchTable(type)[0], column.name, column.join || null).type;
        } catch (unknown) {
            return null;
        }
    };

    const load = (options) => {
        const id = typeof options === 'object' && options !== null ? options.id : options;
        if (id === undefined || id === null || id === '') {
            ns.missing('id');
        }
        ns.charge(5);
        const saved = ns.store.searches.find((each) => each.id === String(id).toLowerCase() || String(each.internalid) === String(id));
        if (saved === undefined) {
            return ns.fail('INVALID_SEARCH', 'That search or mass update does not exist.');
        }
        const { type, filters, columns, title, internalid } = JSON.parse(JSON.stringify(saved));
        return new Search({ type, filters, columns, title, id: saved.id, searchId: internalid, isPublic: true }, typeOf(type));
    };

    const create = (options) => {
        if (!options || !options.type) {
            ns.missing('type');
        }
        return new Search(options, () => null);
    };

    const lookupFields = ({ type, id, columns }) => {
        ns.charge(1);
        const found = create({ type, filters: [['internalid', 'anyof', String(id)]], columns }).prepare();
        const rows = found.find();
        return rows.count === 0 ? {} : slice(found, rows, 0, 1)[0].getAllValues();
    };

    ns.define('N/search', {
        Type, Sort, Summary, Operator, load, create, lookupFields,
        createColumn: (options) => new Column(options, null),
        createFilter: (options) => new Filter(options),
    });
})();
