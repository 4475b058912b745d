# The gateway in a container: node and the package alone, as an unprivileged user. It writes no file.
FROM node:24-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts scripts
COPY src src
RUN npm run build
# The stores of API keys and rate limits need two optional packages, in the versions of the lock file.
RUN npm pkg set "dependencies.ioredis=$(npm pkg get devDependencies.ioredis | tr -d '\"')" \
    "dependencies.pg=$(npm pkg get devDependencies.pg | tr -d '\"')" \
  && npm pkg delete devDependencies scripts.prepare \
  && npm prune --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:24-bookworm-slim
LABEL org.opencontainers.image.title="loom-auth" org.opencontainers.image.licenses="MIT"
ENV NODE_ENV=production \
    HEALTH_URL=http://127.0.0.1:8080/healthz
WORKDIR /app
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
COPY LICENSE ./
# The user `node` of the base image. Kubernetes can check a number, but not a name.
USER 1000:1000
EXPOSE 8080 9091
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["node", "-e", "fetch(process.env.HEALTH_URL).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/app/dist/cli/main.js"]
CMD ["serve", "/etc/loom-auth/loom.yaml"]
