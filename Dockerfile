# Kiln as a container: one process that runs as a non-root user and needs a PostgreSQL
# (DATABASE_URL); without one it starts the embedded PostgreSQL in the volume /data.
#
# The base image brings npm. Kiln itself runs on the Node release that package-lock.json names
# (npm package `node`), the same one as everywhere else.
FROM node:lts-slim AS install
WORKDIR /kiln
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev

FROM node:lts-slim
LABEL org.opencontainers.image.title="Kiln" org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /kiln
RUN mkdir /data && chown node:node /data
COPY --from=install /kiln/node_modules ./node_modules
COPY . .
USER node
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080 KILN_DATA_DIR=/data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --start-interval=1s --retries=3 \
  CMD ["node_modules/.bin/node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health/ready`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
CMD ["node_modules/.bin/node", "--max-semi-space-size=8", "server/main.ts"]
