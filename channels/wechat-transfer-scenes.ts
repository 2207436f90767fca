/**
 * The scenes of WeChat Pay's transfers to users. A merchant is granted them one by one; each wants certain facts
 * reported with a transfer, by exactly these names ("transfer scenes", its merchant documentation), and shows the
 * receiver one of a few words. Scenes that want the papers of an insurance or a charity are left out.
 */
import { cutText } from './text.js';

interface Scene {
  /** What the receiver sees. */
  perception: string;
  /** Facts by name. `remark` stands for the payout's own remark. */
  reports: readonly (readonly [name: string, content: 'remark' | { text: string }])[];
}

/** 1000 marketing, 1005 commissions and wages, 1009 purchased goods, 1010 second-hand goods, 1011 compensation. */
const SCENES = {
  '1000': {
    perception: '现金奖励',
    reports: [
      ['活动名称', { text: '平台活动' }],
      ['奖励说明', 'remark'],
    ],
  },
  '1005': {
    perception: '劳务报酬',
    reports: [
      ['岗位类型', { text: '平台服务提供者' }],
      ['报酬说明', 'remark'],
    ],
  },
  '1009': { perception: '货款', reports: [['采购商品名称', 'remark']] },
  '1010': { perception: '二手回收货款', reports: [['回收商品名称', 'remark']] },
  '1011': { perception: '商家赔付', reports: [['赔付原因', 'remark']] },
} as const satisfies Record<string, Scene>;

export type TransferSceneId = keyof typeof SCENES;
export const TRANSFER_SCENE_IDS = Object.keys(SCENES) as TransferSceneId[];
/** What a marketplace pays its sellers for their work. */
export const DEFAULT_TRANSFER_SCENE_ID: TransferSceneId = '1005';

const LONGEST_CONTENT = 32;

/** The part of a transfer that depends on its scene. */
export function sceneFields(id: TransferSceneId, remark: string) {
  const { perception, reports }: Scene = SCENES[id];
  return {
    transfer_scene_id: id,
    user_recv_perception: perception,
    transfer_scene_report_infos: reports.map(([info_type, content]) => ({
      info_type,
      info_content: cutText(content === 'remark' ? remark : content.text, LONGEST_CONTENT),
    })),
  };
}
