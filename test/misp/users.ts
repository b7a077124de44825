/** Who may ask: the stand-in's keys, their roles, and what MISP tells them about themselves. */
import type { MispEvent, Org } from './model.js'
import type { Store } from './store.js'

export type RoleName = 'admin' | 'sync' | 'user' | 'readonly'

export interface User {
  readonly id: number
  readonly email: string
  key: string
  role: RoleName
  org_id: number
  disabled: boolean
  /** Requests per 15 minutes; MISP counts getVersion for nobody. */
  rate_limit: number | undefined
}

export const KEYS: Readonly<Record<RoleName, string>> = {
  admin: 'AdminKey00000000000000000000000000000001',
  sync: 'SyncKey000000000000000000000000000000002',
  user: 'UserKey000000000000000000000000000000003',
  readonly: 'ReadKey000000000000000000000000000000004',
}

/** admin is a site admin of organisation 1; the others belong to organisation 2. */
export function defaultUsers(): Record<RoleName, User> {
  return {
    admin: user(1, 'admin', 1),
    sync: user(2, 'sync', 2),
    user: user(3, 'user', 2),
    readonly: user(4, 'readonly', 2),
  }
}

function user(id: number, role: RoleName, org_id: number): User {
  const email = `${role}@readers.test`
  return { id, email, key: KEYS[role], role, org_id, disabled: false, rate_limit: undefined }
}

/** Whether the user sees the event at all (MISP's buildConditions without sharing groups). */
export function seesEvent(who: User, event: MispEvent): boolean {
  return who.role === 'admin' || event.org_id === who.org_id || inRange(event.distribution, 1, 3)
}

/** Whether the user sees an attribute of an event it sees. */
export function seesRow(
  event: MispEvent,
  row: { readonly distribution: number; readonly object_id: number },
): boolean {
  if (!passesOn(row.distribution)) return false
  if (row.object_id === 0) return true
  const object = event.objects.find((each) => each.id === row.object_id)
  return !object || passesOn(object.distribution)
}

/** Whether attribute and object distributions are irrelevant to the user. */
export function seesAllRows(who: User, event: MispEvent): boolean {
  return who.role === 'admin' || event.org_id === who.org_id
}

function passesOn(distribution: number): boolean {
  return distribution === 5 || inRange(distribution, 1, 3)
}

function inRange(value: number, low: number, high: number): boolean {
  return value >= low && value <= high
}

/** GET /servers/getVersion */
export function version(who: User): unknown {
  const wide = who.role === 'admin'
  return {
    version: '2.5.1',
    pymisp_recommended_version: '2.5.1',
    perm_sync: wide || who.role === 'sync',
    perm_sighting: who.role !== 'readonly',
    perm_galaxy_editor: wide,
    perm_analyst_data: wide,
    uuid: wide || who.role === 'sync' ? '5d9e6f3c-0000-4000-8000-000000000001' : '-',
    request_encoding: ['gzip'],
    filter_sightings: true,
  }
}

/** GET /users/view/me */
export function me(who: User, store: Store): unknown {
  return {
    User: account(who, store.now),
    Role: role(who),
    UserSetting: [],
    Organisation: organisation(store.orgs.get(who.org_id)!),
  }
}

function account(who: User, now: number) {
  return {
    id: String(who.id),
    password: '*****',
    org_id: String(who.org_id),
    email: who.email,
    autoalert: false,
    invited_by: '1',
    gpgkey: '',
    certif_public: '',
    nids_sid: '9144472',
    termsaccepted: true,
    newsread: '0',
    role_id: ROLE_IDS[who.role],
    change_pw: false,
    contactalert: false,
    disabled: who.disabled,
    expiration: null,
    current_login: '0',
    last_login: '0',
    force_logout: false,
    date_created: '1795291100',
    date_modified: '1795291749',
    sub: null,
    external_auth_required: false,
    external_auth_key: '',
    last_api_access: String(now),
    notification_daily: false,
    notification_weekly: false,
    notification_monthly: false,
    totp: '*****',
    hotp_counter: null,
    last_pw_change: '1795291100',
    totp_is_set: '0',
  }
}

const ROLE_IDS: Record<RoleName, string> = { admin: '1', sync: '5', user: '3', readonly: '6' }
const ROLE_NAMES: Record<RoleName, string> = {
  admin: 'admin',
  sync: 'Sync user',
  user: 'User',
  readonly: 'Read Only',
}

function role(who: User) {
  const admin = who.role === 'admin'
  const sync = admin || who.role === 'sync'
  const writes = who.role !== 'readonly'
  return {
    id: ROLE_IDS[who.role],
    name: ROLE_NAMES[who.role],
    created: '2026-11-21 19:55:44',
    modified: '2026-11-21 20:09:09',
    perm_add: writes,
    perm_modify: writes,
    perm_modify_org: sync,
    perm_publish: sync,
    perm_delegate: sync,
    perm_sync: sync,
    perm_admin: admin,
    perm_audit: true,
    perm_auth: true,
    perm_site_admin: admin,
    perm_regexp_access: admin,
    perm_tagger: sync,
    perm_template: admin,
    perm_sharing_group: sync,
    perm_tag_editor: sync,
    perm_sighting: writes,
    perm_object_template: admin,
    default_role: false,
    memory_limit: null,
    max_execution_time: null,
    restricted_to_site_admin: false,
    perm_publish_zmq: admin,
    perm_publish_kafka: admin,
    perm_decaying: sync,
    enforce_rate_limit: who.rate_limit !== undefined,
    rate_limit_count: String(who.rate_limit ?? 0),
    perm_galaxy_editor: admin,
    perm_warninglist: admin,
    perm_view_feed_correlations: admin,
    perm_analyst_data: admin,
    perm_skip_otp: false,
    permission: admin ? '3' : writes ? '1' : '0',
    permission_description: admin ? 'publish' : writes ? 'manage_own' : 'read_only',
  }
}

function organisation(org: Org) {
  return {
    id: String(org.id),
    name: org.name,
    date_created: '2026-11-21 19:58:19',
    date_modified: '2026-11-21 19:58:19',
    description: org.name.toLowerCase(),
    type: '',
    nationality: '',
    sector: '',
    created_by: '1',
    uuid: org.uuid,
    contacts: null,
    local: org.local,
    restricted_to_domain: null,
    landingpage: null,
  }
}
