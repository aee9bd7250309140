/** The part of a pino logger that this folder needs. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

const ignore = (): void => {};

export const silent: Log = { info: ignore, warn: ignore, error: ignore };
