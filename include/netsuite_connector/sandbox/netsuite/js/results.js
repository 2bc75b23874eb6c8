// The small objects of N/search: columns, filters and results.
'use strict';

(() => {
    const NONE = 'NONE';

    class Column {
        constructor(options, type) {
            const { name, join, summary, formula, label, sort } = typeof options === 'string' ? { name: options } : options;
            if (!name) {
                ns.missing('name');
            }
            // A joined column may be written as one word.
            const pieces = join || String(name).startsWith('formula') ? [name] : String(name).split('.');
            this.name = pieces.pop();
            this.join = join || (pieces.length > 0 ? pieces.join('.') : null);
            this.summary = summary ? String(summary).toUpperCase() : null;
            this.formula = formula || null;
            this.label = label || null;
            this.sort = sort || NONE;
            Object.defineProperty(this, 'platformType', { value: type, enumerable: false });
        }

        toJSON() {
            const { name, join, summary, formula, label, sort, platformType } = this;
            const json = { name, sortdir: sort };
            Object.entries({ join, summary, formula, label, type: platformType }).forEach(([key, value]) => {
                if (value) {
                    json[key] = value;
                }
            });
            return json;
        }
    }

    class Filter {
        constructor({ name, join, operator, values, formula, summary }) {
            if (!name) {
                ns.missing('name');
            }
            Object.assign(this, { name, join: join || null, operator, values: [values ?? []].flat(), formula: formula || null,
                summary: summary || null });
        }

        term() {
            const path = this.join ? `${this.join}.${this.name}` : this.name;
            const whole = this.formula ? `${path}: ${this.formula}` : path;
            return [this.summary ? `${this.summary}(${whole})` : whole, this.operator, ...this.values];
        }
    }

    // Filters may be objects of createFilter, or plain ones like those that createFilter takes.
    const isPlain = (part) => part !== null && typeof part === 'object' && !Array.isArray(part) && !(part instanceof Filter);
    const made = (filter) => (isPlain(filter) ? new Filter(filter) : filter);

    const expressionOf = (filters) => {
        const list = filters === undefined || filters === null ? [] : made(filters);
        if (list instanceof Filter) {
            return [list.term()];
        }
        if (Array.isArray(list) && list.some((filter) => filter instanceof Filter || isPlain(filter))) {
            return list.flatMap((filter, index) => (index === 0 ? [made(filter).term()] : ['AND', made(filter).term()]));
        }
        return list;
    };

    // ---- results ----------------------------------------------------------------------------------------------------------

    const isSelect = (field) => field.type === 'select' || field.type === 'multiselect';
    const isEmpty = (value) => value === null || value === undefined || value === '' || (Array.isArray(value) && value.length === 0);
    const textOf = (field, stored) => (field.grouped && isEmpty(stored) ? ns.noGroup() : ns.showText(field, stored));
    /** Each value of a select with its words. */
    const pairs = (field, stored) => (isEmpty(stored) && !field.grouped ? [] : [stored].flat().map((value) => (
        { value: field.show(value), text: textOf(field, value) }
    )));

    // The two forms in which results become JSON.
    const DIRECT = {
        path: (column) => (column.join ? `${column.join}.${column.name}` : column.name),
        select: (found) => found,
        other: (value) => value,
    };
    const CUSTOM = /^cust(?!omer)/; // joins by a custom field
    const MAP_REDUCE = {
        path: ({ name, join }) => (join ? `${name}.${CUSTOM.test(join) ? join.toUpperCase() : join}` : name),
        select: (found) => (found.length === 0 ? '' : found.length === 1 ? found[0] : found),
        other: (value) => (value === true ? 'T' : value === false ? 'F' : value),
    };

    const allValues = ({ columns, cells }, form) => {
        const values = {};
        const seen = {};
        columns.forEach((column, index) => {
            const path = form.path(column);
            const base = column.summary ? `${column.summary}(${path})` : path;
            // Formulas are numbered whatever their summary, other columns where they would be called the same.
            const counted = column.name.startsWith('formula') ? path : base;
            const before = seen[counted] || 0;
            seen[counted] = before + 1;
            const key = before === 0 ? base : `${base}_${before}`;
            const field = cells.fields[index];
            const stored = cells.stored[index];
            values[key] = isSelect(field) ? form.select(pairs(field, stored)) : form.other(field.show(stored));
        });
        return values;
    };

    const sameColumn = (one, other) => one.name === other.name && (one.join || null) === (other.join || null)
        && (one.summary || null) === (other.summary || null);

    /** A row of values: `fields`, from ns.shownFields, say what each stored value is. */
    class Row {
        constructor(columns, fields, stored) {
            this.columns = columns;
            Object.defineProperty(this, 'cells', { value: { fields, stored }, enumerable: false });
        }

        position(asked, join, summary) {
            const wanted = typeof asked === 'string' ? new Column({ name: asked, join, summary }) : asked;
            const exact = this.columns.indexOf(wanted);
            if (exact >= 0) {
                return exact;
            }
            const plain = wanted instanceof Column ? wanted : new Column(wanted);
            return this.columns.findIndex((column) => sameColumn(column, plain));
        }

        getValue(...asked) {
            const index = this.position(...asked);
            return index < 0 ? null : this.cells.fields[index].show(this.cells.stored[index]);
        }

        getText(...asked) {
            const index = this.position(...asked);
            return index < 0 || !isSelect(this.cells.fields[index]) ? null : textOf(this.cells.fields[index], this.cells.stored[index]);
        }

        getAllValues() {
            return allValues(this, DIRECT);
        }

        toJSON() {
            return { values: this.getAllValues() };
        }
    }

    /** A row of a search that is a record, or a part of one. */
    class Result extends Row {
        constructor(part, columns, fields, record, row) {
            // Values are fixed when the row is read, whatever becomes of the record later.
            super(columns, fields, fields.map((field) => field.read(record, row)));
            const [type] = part;
            this.recordType = ns.recordType(type, record);
            this.id = String(type === 'deletedrecord' ? record.recordid : record.internalid);
        }

        toJSON() {
            return { recordType: this.recordType, id: this.id, values: this.getAllValues() };
        }
    }

    /**
     * A result in the JSON text that a map/reduce script is given as `context.value` when its getInputData returned a search. `number`
     * is the row's, from 1: rows of a summary search have no id of their own.
     */
    ns.mapReduceValue = (result, number) => JSON.stringify({
        recordType: result.recordType || null,
        id: result.id === undefined ? String(number) : result.id,
        values: allValues(result, MAP_REDUCE),
    });

    Object.assign(ns, { Column, Filter, Result, Row, expressionOf });
})();
