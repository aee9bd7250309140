import type { JsonObject } from '../fhir/types.ts';

const GUIDE = 'http://hl7.org/fhir/smart-app-launch';

/** The CapabilityStatement of the endpoint for app state. */
export const stateCapabilities = (url: string): JsonObject => ({
  resourceType: 'CapabilityStatement',
  ...{ status: 'active', date: '2026-11-23', kind: 'instance', fhirVersion: '4.0.1' },
  ...{ instantiates: [`${GUIDE}/CapabilityStatement/smart-app-state-server`], format: ['json'] },
  implementation: { description: 'State that apps keep', url },
  rest: [
    {
      mode: 'server',
      security: {
        cors: true,
        service: [
          {
            coding: [
              {
                system: 'http://terminology.hl7.org/CodeSystem/restful-security-service',
                code: 'SMART-on-FHIR',
              },
            ],
          },
        ],
      },
      resource: [
        {
          type: 'Basic',
          supportedProfile: [`${GUIDE}/StructureDefinition/smart-app-state-basic`],
          interaction: ['search-type', 'create', 'update', 'delete'].map((code) => ({ code })),
          versioning: 'versioned-update',
          ...{ readHistory: false, updateCreate: false, conditionalCreate: false },
          searchParam: [
            { name: 'code', type: 'token', documentation: 'One system|code' },
            {
              ...{ name: 'subject', type: 'reference' },
              documentation: 'An absolute reference, or subject:missing=true',
            },
          ],
        },
      ],
    },
  ],
});
