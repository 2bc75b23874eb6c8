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
            this.summary = summary || null;
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
            return [this.formula ? `${path}: ${this.formula}` : path, this.operator, ...this.values];
        }
    }

    const expressionOf = (filters) => {
        const list = filters === undefined || filters === null ? [] : filters;
        if (list instanceof Filter) {
            return [list.term()];
        }
        if (Array.isArray(list) && list.some((filter) => filter instanceof Filter)) {
            return list.flatMap((filter, index) => (index === 0 ? [filter.term()] : ['AND', filter.term()]));
        }
        return list;
    };

    const sameColumn = (one, other) => one.name === other.name && (one.join || null) === (other.join || null)
        && (one.summary || null) === (other.summary || null);

    class Result {
        constructor(part, columns, fields, record, line) {
            const [type] = part;
            this.recordType = ns.recordType(type, record);
            this.id = String(type === 'deletedrecord' ? record.recordid : record.internalid);
            this.columns = columns;
            // Values are fixed when the row is read, whatever becomes of the record later.
            const stored = fields.map((field) => field.read(record, line));
            Object.defineProperty(this, 'cells', { value: { fields, stored }, enumerable: false });
        }

        position(asked, join, summary) {
            const wanted = typeof asked === 'string' ? new Column({ name: asked, join, summary }) : asked;
            const exact = this.columns.indexOf(wanted);
            return exact >= 0 ? exact : this.columns.findIndex((column) => sameColumn(column, wanted));
        }

        getValue(...asked) {
            const index = this.position(...asked);
            return index < 0 ? null : ns.showValue(this.cells.fields[index], this.cells.stored[index]);
        }

        getText(...asked) {
            const index = this.position(...asked);
            if (index < 0 || !['select', 'multiselect'].includes(this.cells.fields[index].type)) {
                return null;
            }
            return ns.showText(this.cells.fields[index], this.cells.stored[index]);
        }

        getAllValues() {
            const values = {};
            this.columns.forEach((column, index) => {
                const base = column.join ? `${column.join}.${column.name}` : column.name;
                let key = base;
                for (let repeat = 1; values[key] !== undefined; repeat += 1) {
                    key = `${base}_${repeat}`;
                }
                const field = this.cells.fields[index];
                const stored = this.cells.stored[index];
                const shown = ns.showValue(field, stored);
                if (!['select', 'multiselect'].includes(field.type)) {
                    values[key] = shown;
                } else {
                    values[key] = shown === '' ? [] : [stored].flat().map((value) => (
                        { value: ns.showValue(field, value), text: ns.showText(field, value) }
                    ));
                }
            });
            return values;
        }

        toJSON() {
            return { recordType: this.recordType, id: this.id, values: this.getAllValues() };
        }
    }

    Object.assign(ns, { Column, Filter, Result, expressionOf });
})();
