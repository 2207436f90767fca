/** What an action gives its payer (wire.md, section 6b). */
export const ENTITLEMENT_KINDS = [
  'knowledge',
  'membership',
  'coupon',
  'member_card',
  'picture',
  'role',
  'course',
  'video_episode',
  'blind_box_pulls',
  'cp_activity',
] as const;
export type EntitlementKind = (typeof ENTITLEMENT_KINDS)[number];
