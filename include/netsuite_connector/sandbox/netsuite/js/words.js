// What generated records are made of. All people, places of business and addresses are invented; e-mail domains are reserved ones
// (RFC 2606), telephone numbers mostly from ranges kept for fiction.
'use strict';

(() => {
    // Each American area has a hundred numbers for fiction: 555-0100 to 555-0199.
    const AREAS = ['206', '212', '213', '214', '215', '301', '303', '305', '312', '313', '401', '404', '405', '407', '410', '412', '415',
        '502', '503', '504', '505', '512', '515', '602', '605', '612', '615', '617', '619', '701', '702', '704', '713', '716', '717',
        '801', '803', '804', '808', '813', '816', '901', '904', '907', '913', '916', '919'];

    ns.words = {
        firstNames: ['Ada', 'Agustín', 'Aisha', 'Alba', 'Amélie', 'Anna', 'Ben', 'Camille', 'Carla', 'Chloe', 'Clara', 'Daniel', 'Diego',
            'Elena', 'Emily', 'Emma', 'Étienne', 'Fatima', 'Felix', 'Florencia', 'Grace', 'Hannah', 'Hugo', 'Ignacio', 'Jack', 'James',
            'Jürgen', 'Kenji', 'Laura', 'Léa', 'Liam', 'Lucía', 'Manon', 'Marcos', 'María', 'Mateo', 'Maya', 'Mia', 'Noah', 'Nora',
            'Oliver', 'Olivia', 'Paula', 'Priya', 'Samuel', 'Sofía', 'Sophie', 'Tomás', 'Valentina', 'William'],
        lastNames: ['Alvarez', 'Bauer', 'Bennett', 'Bernard', 'Brown', 'Castro', 'Clark', 'Dubois', 'Evans', 'Fernández', 'Fischer',
            'García', 'González', 'Green', 'Hall', 'Hoffmann', 'Hughes', 'Jackson', 'Johnson', 'Jones', 'Klein', 'Kumar', 'Lambert',
            'Laurent', 'López', 'Martin', 'Martínez', 'Meyer', 'Miller', 'Moreau', 'Müller', "O'Connor", 'Patel', 'Pérez', 'Petit',
            'Ramos', 'Robinson', 'Romero', 'Roux', 'Ruiz', 'Schäfer', 'Schmidt', 'Smith', 'Suárez', 'Taylor', 'Torres', 'Turner',
            'Wagner', 'Weber', 'Wilson'],
        companies: ['Alder', 'Beacon', 'Birchwood', 'Bluefin', 'Cedar', 'Cobalt', 'Copper', 'Driftwood', 'Ember', 'Fernhill', 'Granite',
            'Harbour', 'Juniper', 'Lantern', 'Maple', 'Meridian', 'Northgate', 'Orchard', 'Pinecrest', 'Quarry', 'Redwood', 'Silverlake',
            'Summit', 'Tidewater', 'Willow'],
        trades: ['Bakery', 'Bikes', 'Books', 'Café', 'Design', 'Florists', 'Furniture', 'Gardens', 'Hotels', 'Interiors', 'Outfitters',
            'Outlet', 'Studio', 'Supply', 'Traders'],
        domains: ['shopper.example', 'mail.example', 'post.example', 'inbox.example'],
        jobs: ['Buyer', 'Office Manager', 'Owner', 'Accountant', 'Store Manager', 'Head of Purchasing'],
        // share, subsidiary, currency, places [city, state, zip], telephone patterns (# is any digit)
        countries: {
            US: { share: 45, subsidiary: '1', currency: '1', places: [['Austin', 'TX', '78701'], ['Boston', 'MA', '02108'],
                ['Denver', 'CO', '80202'], ['Portland', 'OR', '97205'], ['San Francisco', 'CA', '94105'], ['Chicago', 'IL', '60601']],
            phones: AREAS.flatMap((area) => [`(${area}) 555-01##`, `+1 ${area} 555 01##`, `${area}-555-01##`, `${area}.555.01##`,
                `${area}55501##`, `1-${area}-555-01##`]) },
            GB: { share: 18, subsidiary: '2', currency: '2', places: [['London', 'ENG', 'SW1A 1AA'], ['Leeds', 'ENG', 'LS1 4DY'],
                ['Cardiff', 'WLS', 'CF10 1EP'], ['Glasgow', 'SCT', 'G1 1XQ']],
            phones: ['020 7946 0###', '+44 7700 900###', '07700 900###', '(0113) 496 0###', '0044 29 2018 0###'] },
            DE: { share: 12, subsidiary: '3', currency: '3', places: [['Berlin', 'BE', '10115'], ['Hamburg', 'HH', '20095'],
                ['München', 'BY', '80331']],
            phones: ['030 23125 ###', '+49 40 66969 ###', '0171 39200##', '089/99998###', '(030) 23125###'] },
            ES: { share: 9, subsidiary: '3', currency: '3', places: [['Madrid', 'M', '28013'], ['Barcelona', 'B', '08002'],
                ['Sevilla', 'SE', '41001']],
            phones: ['612 34 5# ##', '+34 622 345 ###', '91 234 5# ##', '0034 93 234 ## ##', '633345###'] },
            FR: { share: 9, subsidiary: '3', currency: '3', places: [['Paris', 'J', '75001'], ['Lyon', 'V', '69002'],
                ['Bordeaux', 'B', '33000']],
            phones: ['06 39 98 ## ##', '+33 1 99 00 ## ##', '01.99.00.##.##', '0639 98####', '+33 (0)6 39 98 ## ##'] },
            AR: { share: 7, subsidiary: '4', currency: '4', places: [['Buenos Aires', 'C', 'C1002'], ['Córdoba', 'X', 'X5000'],
                ['Rosario', 'S', 'S2000']],
            phones: ['011 4312-####', '+54 9 11 4312 ####', '(0351) 15 431-####', '11 4312 ####'] },
        },
        badPhones: ['n/a', 'call the office', '000', '12345', 'see notes', '-', '555', 'ask for Ben', '+', '999999999999999999'],
        badEmails: ['NAME', 'NAME@', 'NAME@mail', '@mail.example', 'NAME@@mail.example', 'NAME mail.example', 'NAME@mail..example',
            'first NAME@mail.example', 'NAME@mail.example;other@mail.example', 'NAME@.example'],
        adjectives: ['Alpine', 'Classic', 'Coastal', 'Everyday', 'Heritage', 'Highland', 'Modern', 'Nordic', 'Original', 'Pocket',
            'Rustic', 'Summer', 'Trail', 'Urban', 'Vintage', 'Winter'],
        materials: ['Cotton', 'Linen', 'Wool', 'Leather', 'Oak', 'Steel', 'Ceramic', 'Canvas', 'Bamboo', 'Glass'],
        products: ['Apron', 'Backpack', 'Basket', 'Belt', 'Blanket', 'Bottle', 'Bowl', 'Candle', 'Cushion', 'Desk Lamp', 'Jug', 'Kettle',
            'Lantern', 'Mug', 'Notebook', 'Planter', 'Rug', 'Stool', 'Tray', 'Umbrella', 'Vase', 'Wallet'],
        garments: ['Cap', 'Cardigan', 'Dress', 'Hoodie', 'Jacket', 'Jumper', 'Polo Shirt', 'Shirt', 'Shorts', 'Skirt', 'T-Shirt',
            'Trousers'],
        // Category of the web store, and last words of the names of what is in it; the last takes the rest.
        categories: [['Clothing', ['Cap', 'Cardigan', 'Dress', 'Hoodie', 'Jacket', 'Jumper', 'Polo Shirt', 'Shirt', 'Shorts', 'Skirt',
            'T-Shirt', 'Trousers']], ['Kitchen', ['Apron', 'Bottle', 'Bowl', 'Jug', 'Kettle', 'Mug', 'Tray']],
        ['Home', ['Blanket', 'Candle', 'Cushion', 'Desk Lamp', 'Lantern', 'Rug', 'Stool', 'Vase', 'Planter']], ['More', []]],
        cases: ['Where is my order?', 'Wrong size', 'Item arrived damaged', 'How do I return this?', 'Invoice needed',
            'Discount was not applied', 'Question about materials', 'Parcel never came'],
        opportunities: ['Staff gifts', 'Shop fitting', 'Spring range', 'Hotel rooms', 'Trade fair', 'Refit of the café'],
        memos: ['leave with a neighbour', 'ring twice', 'gift', 'replacement', 'rush'],
        giftNotes: ['Happy birthday!', 'With love', '¡Feliz cumpleaños!', 'Alles Gute', 'Merci pour tout ❤'],
    };

    ns.words.lists = {
        subscription: { 1: 'Soft Opt-In', 2: 'Soft Opt-Out', 3: 'Confirmed Opt-In', 4: 'Confirmed Opt-Out' },
        pricelevel: { 1: 'Base Price', 2: 'Wholesale', 3: 'Employee Price', 5: 'Online Price' },
        stage: { LEAD: 'Lead', PROSPECT: 'Prospect', CUSTOMER: 'Customer' },
        subsidiary: { 1: 'Parent Company', 2: 'UK', 3: 'Europe', 4: 'Latin America' },
        currency: { 1: 'USD', 2: 'GBP', 3: 'EUR', 4: 'ARS' },
        website: { 1: 'Demo Store', 2: 'Demo Outlet' },
        location: { 1: 'Main Warehouse', 2: 'East Warehouse', 3: 'London Store' },
        shipmethod: { 41: 'Standard Shipping', 42: 'Express', 43: 'Freight' },
        shipcarrier: { nonups: 'FedEx/USPS/More', ups: 'UPS' },
        transactionsource: { 1: 'Web Store', 2: 'Web Services', 3: 'CSV Import' },
        entitystatus: { 7: 'Qualified', 10: 'Proposal', 11: 'In Negotiation', 13: 'Closed Won', 14: 'Closed Lost' },
        casestatus: { 1: 'Not Started', 2: 'In Progress', 3: 'Escalated', 4: 'Re-Opened', 5: 'Closed' },
        casepriority: { 1: 'High', 2: 'Medium', 3: 'Low' },
        casetype: { 1: 'Question', 2: 'Problem', 3: 'Return', 4: 'Complaint' },
        caseorigin: { 1: 'E-mail', 2: 'Phone', '-5': 'Web' },
        filetype: { JPGIMAGE: 'JPEG Image' },
        employee: { 5: 'Connector Integration', 11: 'Ruth Baker', 12: 'Omar Haddad', 13: 'Inés Vidal', 14: 'Peter Lang' },
        customercategory: { 1: 'Retail', 2: 'Corporate', 3: 'Press', 4: 'Wholesale' },
        territory: { 1: 'Americas', 2: 'United Kingdom', 3: 'Continental Europe', '-5': 'Default Round-Robin' },
        country: { US: 'United States', GB: 'United Kingdom', DE: 'Germany', ES: 'Spain', FR: 'France', AR: 'Argentina' },
        itemtype: { InvtPart: 'Inventory Item', NonInvtPart: 'Non-inventory Item', Assembly: 'Assembly/Bill of Materials',
            Kit: 'Kit/Package', Service: 'Service', ShipItem: 'Shipping Cost Item', Discount: 'Discount' },
        transactiontype: { SalesOrd: 'Sales Order', CustInvc: 'Invoice', CashSale: 'Cash Sale', CashRfnd: 'Cash Refund',
            CustCred: 'Credit Memo', Estimate: 'Quote', Opprtnty: 'Opportunity', ItemShip: 'Item Fulfillment',
            RtnAuth: 'Return Authorization' },
        customlist_loyalty_tier: { 1: 'Bronze', 2: 'Silver', 3: 'Gold' },
        customlist_size: { 1: 'XS', 2: 'S', 3: 'M', 4: 'L', 5: 'XL' },
        customlist_color: { 1: 'Black', 2: 'Navy', 3: 'Sand', 4: 'Forest', 5: 'Crimson', 6: 'Sky' },
    };

    // Lists of the platform, there in every account.
    ['subscription', 'stage', 'itemtype', 'transactiontype', 'country', 'casestatus', 'filetype'].forEach((name) => {
        ns.store.lists[name] = ns.words.lists[name];
    });

    ns.words.customFields = {
        customer: { custentity_loyalty_tier: { type: 'select', list: 'customlist_loyalty_tier' } },
        item: { custitem_material: { type: 'text' }, custitem_size: { type: 'select', list: 'customlist_size' },
            custitem_color: { type: 'select', list: 'customlist_color' } },
        transaction: { custbody_order_channel: { type: 'text' }, custcol_gift_note: { type: 'text' } },
    };
})();
