/** A name that stands in a history is for ever: a change here breaks orders that are running. */
import { describe, expect, it } from 'vitest';
import { createActivities } from '../activities/index.js';
import { createChannels } from '../channels/index.js';
import { openDatabase } from '../db/client.js';
import { NEXT_ACTIONS } from '../domain/next-actions.js';
import * as contract from './contract.js';
import * as workflows from './index.js';

/** A signal, an update or a query, as the SDK defines them. */
const isDefinition = (value: unknown): value is { type: string; name: string } =>
  typeof value === 'object' && value !== null && 'type' in value && 'name' in value;

describe('the names in histories', () => {
  it('of workflows, signals, updates and queries are these', () => {
    const defined = Object.values<unknown>(contract).filter(isDefinition);
    expect(defined.map(({ type, name }) => `${type} ${name}`)).toMatchInlineSnapshot(`
      [
        "signal paymentReceived",
        "update confirm",
        "update cancel",
        "update closeChat",
        "update requestRefund",
        "update decideRefund",
        "signal refundHint",
        "signal refundChanged",
        "signal payoutHint",
        "signal renewalChanged",
        "update retryAction",
        "update skipAction",
        "update editAction",
        "query state",
      ]
    `);
    expect(Object.keys(workflows)).toMatchInlineSnapshot(`
      [
        "courseTotals",
        "dailyReconciliation",
        "reconciliation",
        "membership",
        "order",
        "refund",
        "withdrawal",
      ]
    `);
    const { ORDER_WORKFLOW, TASK_QUEUE, orderWorkflowId } = contract;
    expect([ORDER_WORKFLOW, TASK_QUEUE, orderWorkflowId('<orderNo>')]).toMatchInlineSnapshot(`
      [
        "order",
        "holdfast",
        "order/<orderNo>",
      ]
    `);
  });

  it('of search attributes are these, each of its type', () => {
    const attributes = Object.values(contract.SEARCH_ATTRIBUTES).map(({ name, type }) => `${name} ${type}`);
    expect(attributes).toMatchInlineSnapshot(`
      [
        "HoldfastStatus KEYWORD",
        "HoldfastKind KEYWORD",
        "HoldfastSeller KEYWORD",
        "HoldfastAmount INT",
        "HoldfastNeedsAttention BOOL",
      ]
    `);
  });

  it('of activities are these, an action’s being the action’s own', async () => {
    const database = openDatabase('postgres://127.0.0.1:1/none', { pool: 1, name: 'none' });
    const names = Object.keys(createActivities(database.db, createChannels({}), 'http://127.0.0.1:9'));
    await database.close();
    expect(names).toMatchInlineSnapshot(`
      [
        "receivePayment",
        "receiveFreeOrder",
        "releaseOrder",
        "closeOrder",
        "closeChat",
        "parkStep",
        "decideStep",
        "askChannel",
        "settleAttempts",
        "readStanding",
        "requestRefund",
        "decideRefund",
        "settleRefund",
        "failRefund",
        "driveRefund",
        "drivePayout",
        "renewMembership",
        "countCourseTotals",
        "beginReconciliation",
        "fetchBill",
        "compareBill",
        "askAboutMissing",
        "settleMissing",
        "endReconciliation",
        "giveUpReconciliation",
        "payShopOrder",
        "payKnowledgeOrder",
        "sendSms",
        "payRegistration",
        "payShopBill",
        "payDeposit",
        "buyMembership",
        "claimCoupon",
        "payJdRewardOrder",
        "payDiningOrder",
        "buyMemberCard",
        "payPictureTrade",
        "becomeCommunityLeader",
        "becomeDistributor",
        "becomeTeamLeader",
        "payCourseOrder",
        "createOrganization",
        "upgradeOrganization",
        "buyVideoEpisode",
        "payExtraTime",
        "payErrandTask",
        "buyBlindBoxPulls",
        "publishBlindBox",
        "payCpActivity",
      ]
    `);
    expect(names).toEqual(expect.arrayContaining(Object.keys(NEXT_ACTIONS)));
  });

  it('of refusals are these', () => {
    expect(contract.REFUSALS).toMatchInlineSnapshot(`
      {
        "alreadyPaid": "order_already_paid",
        "noOpenChat": "conflict",
        "notCancellable": "order_not_cancellable",
        "notConfirmable": "order_not_confirmable",
        "notHeld": "state_conflict",
        "stepNotFound": "step_not_found",
        "stepNotParked": "step_not_parked",
      }
    `);
  });
});
