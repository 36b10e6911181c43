import type { ProfileName } from '@switchhook/contracts';
import { callfireV2 } from './callfire-v2.js';
import type { Profile } from './profile.js';
import { standard } from './standard.js';

const profiles: Readonly<Record<ProfileName, Profile>> = { 'callfire-v2': callfireV2, standard };

/** The profile called `name`. */
export const profileOf = (name: ProfileName): Profile => profiles[name];
