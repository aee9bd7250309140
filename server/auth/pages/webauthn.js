/*
 * Hands what the server asks on to navigator.credentials, and the answer back in a field of the form.
 * Forms say what they want: data-passkey="get" or "create", data-options (JSON), data-at-once.
 */
(() => {
  const bytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (letter) =>
      letter.charCodeAt(0),
    );
  const text = (buffer) =>
    btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(''))
      .replace(/\+/g, '-')
      .replace(/\//g, '_')
      .replace(/=/g, '');
  const described = (list = []) => list.map((one) => ({ ...one, id: bytes(one.id) }));

  const ways = {
    get: async (options) => {
      const publicKey = {
        ...options,
        challenge: bytes(options.challenge),
        allowCredentials: described(options.allowCredentials),
      };
      const { id, type, response } = await navigator.credentials.get({ publicKey });
      return {
        id,
        rawId: id,
        type,
        clientExtensionResults: {},
        response: {
          clientDataJSON: text(response.clientDataJSON),
          authenticatorData: text(response.authenticatorData),
          signature: text(response.signature),
          ...(response.userHandle && { userHandle: text(response.userHandle) }),
        },
      };
    },
    create: async (options) => {
      const publicKey = {
        ...options,
        challenge: bytes(options.challenge),
        user: { ...options.user, id: bytes(options.user.id) },
        excludeCredentials: described(options.excludeCredentials),
      };
      const { id, type, response } = await navigator.credentials.create({ publicKey });
      return {
        id,
        rawId: id,
        type,
        clientExtensionResults: {},
        response: {
          clientDataJSON: text(response.clientDataJSON),
          attestationObject: text(response.attestationObject),
          transports: response.getTransports?.() ?? [],
        },
      };
    },
  };

  const words = {
    InvalidStateError: 'This passkey is registered already. Use another one.',
    NotAllowedError: 'Nothing was done: it was cancelled, or took too long. Try again.',
    SecurityError: 'The browser does not allow passkeys at this address.',
  };

  for (const form of document.querySelectorAll('form[data-passkey]')) {
    const button = form.querySelector('button');
    const said = form.querySelector('[role=alert]');
    const say = (message) => {
      said.textContent = message;
    };
    const start = async () => {
      say('');
      button.disabled = true;
      try {
        const answer = await ways[form.dataset.passkey](JSON.parse(form.dataset.options));
        form.elements.response.value = JSON.stringify(answer);
        form.submit();
      } catch (error) {
        say(words[error.name] ?? 'The browser could not use a passkey here.');
        button.disabled = false;
        button.focus();
      }
    };
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      start();
    });
    if (!window.PublicKeyCredential) {
      say('This browser knows no passkeys, or not at this address.');
      continue;
    }
    form.querySelector('[data-script]').hidden = false;
    // Not after Back or Reload, when nobody asked for it.
    const [visit] = performance.getEntriesByType('navigation');
    if ('atOnce' in form.dataset && visit?.type === 'navigate') start();
  }
})();
