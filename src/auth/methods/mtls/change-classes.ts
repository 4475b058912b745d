/** The class of changes of each option of `mtls`. */
import { content, type Members } from '../../../lib/change-classes.js';
import type { MtlsOptions } from './options.js';

export const mtlsClasses: Members<MtlsOptions> = {
  members: {
    realm: { in: 'headers', default: 'loom' },
    ca_file: { by: 'ca' },
    ca: content('access', 'ca_file'),
    claims_to_headers: { by: 'headers of the method' },
  },
};
