// Which script runs, as whom, and what it may do.
'use strict';

(() => {
    const LEVELS = ['NONE', 'VIEW', 'CREATE', 'EDIT', 'FULL'];
    const PERMISSIONS = {
        customer: ['LIST_CUSTJOB', 'Lists -> Customers'],
        contact: ['LIST_CONTACT', 'Lists -> Contacts'],
        item: ['LIST_ITEM', 'Lists -> Items'],
        supportcase: ['LIST_CASE', 'Lists -> Cases'],
        transaction: ['TRAN_FIND', 'Transactions -> Find Transaction'],
        deletedrecord: ['ADMI_DELETEDRECORD', 'Setup -> Deleted Records'],
    };
    const TRANSACTIONS = { CashRfnd: 'TRAN_CASHRFND', CashSale: 'TRAN_CASHSALE', CustCred: 'TRAN_CUSTCRED', CustInvc: 'TRAN_CUSTINVC',
        Estimate: 'TRAN_ESTIMATE', ItemShip: 'TRAN_ITEMSHIP', Opprtnty: 'TRAN_OPPRTNTY', RtnAuth: 'TRAN_RTNAUTH', SalesOrd: 'TRAN_SALESORD' };
    const USERS = {
        integration: () => ({ id: 5, name: 'Connector Integration', email: 'integration@account.example', role: 1005, roleId: ns.role.id }),
        administrator: () => ({ id: 4, name: 'Account Administrator', email: 'admin@account.example', role: 3, roleId: 'administrator' }),
    };
    // A person at the screens of the account; scripts take the place of it.
    const NOBODY = { kind: null, script: null, deployment: null, path: '', as: 'administrator', context: 'USERINTERFACE', parameters: {},
        emptySearches: false };

    ns.role = { id: 'customrole_connector', permissions: null }; // of the integration's user: key -> level, or null for all
    ns.customAccess = {}; // custom record type -> { needed, roles: { role id: level } }
    ns.running = NOBODY;

    ns.user = () => USERS[ns.running.as]();

    /** Runs `work` as a script; what ran before goes on afterwards. */
    ns.runAs = (running, work) => {
        const before = ns.running;
        ns.running = { ...NOBODY, ...running };
        try {
            return work();
        } finally {
            ns.running = before;
        }
    };

    /** A run that the platform cut off leaves these behind. */
    ns.forgetRun = () => {
        ns.running = NOBODY;
        ns.stopMeters();
    };

    const levelOf = (key) => {
        const { id, permissions } = ns.role;
        if (ns.settings.lackingPermissions.includes(key)) {
            return 'NONE';
        }
        const own = permissions === null ? 'FULL' : permissions[key] || 'NONE';
        const access = ns.customAccess[key];
        if (access === undefined) {
            return own;
        }
        if (!access.needed) {
            return 'FULL';
        }
        const general = permissions === null ? own : permissions.LIST_CUSTRECORDENTRY || 'NONE';
        return [own, general, access.roles[id] || 'NONE'].sort((one, other) => LEVELS.indexOf(other) - LEVELS.indexOf(one))[0];
    };

    /** Whether the one who runs may see (or CREATE, EDIT, fully use) the records of a table. */
    ns.permits = (table, level = 'VIEW') => {
        if (ns.running.as !== 'integration') {
            return true;
        }
        const key = PERMISSIONS[table] === undefined ? table : PERMISSIONS[table][0];
        const known = PERMISSIONS[table] !== undefined || ns.customAccess[table] !== undefined;
        return !known || LEVELS.indexOf(levelOf(key)) >= LEVELS.indexOf(level);
    };

    /** The types of transaction that searches leave out without a word, as the role of the one who runs has no permission for them. */
    ns.unseenTransactions = () => (ns.running.as !== 'integration' ? []
        : Object.keys(TRANSACTIONS).filter((type) => LEVELS.indexOf(levelOf(TRANSACTIONS[type])) < 1));

    ns.refusePermission = (name) => ns.fail(
        'INSUFFICIENT_PERMISSION',
        `Permission Violation: You need the '${name}' permission to access this page. Please contact your account administrator.`,
    );

    /** Refuses what the role of the one who runs has no permission for. */
    ns.demand = (table, level) => {
        if (!ns.permits(table, level)) {
            ns.refusePermission(PERMISSIONS[table] === undefined ? table : PERMISSIONS[table][1]);
        }
    };

    /** Whether the integration's role may call RESTlets. */
    ns.maySuiteScript = () => LEVELS.indexOf(levelOf('ADMI_CUSTOMSCRIPT')) > 0;
})();
