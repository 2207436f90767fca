import type { SmsProviders } from '../../channels/sms.js';
import type { Db } from '../../db/client.js';
import { ACTION_NAMES, type ActionName } from '../../domain/next-actions.js';
import { buyBlindBoxPulls } from './buy-blind-box-pulls.js';
import { buyMemberCard } from './buy-member-card.js';
import { buyMembership } from './buy-membership.js';
import { buyRole } from './buy-role.js';
import { buyVideoEpisode } from './buy-video-episode.js';
import { claimCoupon } from './claim-coupon.js';
import { createOrganization } from './create-organization.js';
import { payCourseOrder } from './pay-course-order.js';
import { payCpActivity } from './pay-cp-activity.js';
import { payDeposit } from './pay-deposit.js';
import { payDiningOrder } from './pay-dining-order.js';
import { payErrandTask } from './pay-errand-task.js';
import { payExtraTime } from './pay-extra-time.js';
import { payJdRewardOrder } from './pay-jd-reward-order.js';
import { payKnowledgeOrder } from './pay-knowledge-order.js';
import { payPictureTrade } from './pay-picture-trade.js';
import { payRegistration } from './pay-registration.js';
import { payShopBill } from './pay-shop-bill.js';
import { payShopOrder } from './pay-shop-order.js';
import { publishBlindBox } from './publish-blind-box.js';
import { PUBLIC_ONLY, type RemoteCalls, routed } from './remote.js';
import { sendSms } from './send-sms.js';
import type { StepInput } from './step.js';
import { upgradeOrganization } from './upgrade-organization.js';

/** An activity per action, under the action's own name: that is what Temporal's UI shows. */
export type NextActionActivities = Record<ActionName, (input: StepInput) => Promise<void>>;

/**
 * @param sms the providers of messages that there are credentials for
 * @param remote how merchants' own systems are called, for types that are routed there
 */
export function createNextActions(
  db: Db,
  sms: SmsProviders = {},
  remote: RemoteCalls = PUBLIC_ONLY,
): NextActionActivities {
  const builtIn = {
    payShopOrder: payShopOrder(db),
    payKnowledgeOrder: payKnowledgeOrder(db),
    sendSms: sendSms(db, sms),
    payRegistration: payRegistration(db),
    payShopBill: payShopBill(db),
    payDeposit: payDeposit(db),
    buyMembership: buyMembership(db),
    claimCoupon: claimCoupon(db),
    payJdRewardOrder: payJdRewardOrder(db),
    payDiningOrder: payDiningOrder(db),
    buyMemberCard: buyMemberCard(db),
    payPictureTrade: payPictureTrade(db),
    becomeCommunityLeader: buyRole('becomeCommunityLeader')(db),
    becomeDistributor: buyRole('becomeDistributor')(db),
    becomeTeamLeader: buyRole('becomeTeamLeader')(db),
    payCourseOrder: payCourseOrder(db),
    createOrganization: createOrganization(db),
    upgradeOrganization: upgradeOrganization(db),
    buyVideoEpisode: buyVideoEpisode(db),
    payExtraTime: payExtraTime(db),
    payErrandTask: payErrandTask(db),
    buyBlindBoxPulls: buyBlindBoxPulls(db),
    publishBlindBox: publishBlindBox(db),
    payCpActivity: payCpActivity(db),
  } satisfies NextActionActivities;
  const either = ACTION_NAMES.map((name) => [name, routed(db, remote, name, builtIn[name])] as const);
  return Object.fromEntries(either) as NextActionActivities;
}
