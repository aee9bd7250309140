/**
 * Loaded in front of a server that another process started for itself (`node --import`): when that
 * process ends, however it ends, its end of our stdin closes, and the server stops in order.
 */
process.stdin.once('close', () => process.kill(process.pid, 'SIGTERM'));
process.stdin.resume();
