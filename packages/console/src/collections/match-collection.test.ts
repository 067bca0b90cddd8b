import { describe, expect, it } from 'vitest';
import { anEvent } from '../testing/an-event.ts';
import { fits, isInCollection, takes, toCanonicalImage } from './match-collection.ts';

describe('collections', () => {
  it.each([
    ['web*', 'WEB-1', true],
    ['*-1', 'web-1', true],
    ['*eb*', 'web-1', true],
    ['web', 'web-1', false],
    ['*', '', true],
    ['**', '', true],
    ['w*b', 'web', false],
  ])('pattern %s on %s: %s', (pattern, value, expected) => {
    expect(fits(pattern, value)).toBe(expected);
  });

  it('test exclusions first', () => {
    expect(takes(['nginx*', '-nginx:latest'], ['nginx:latest'])).toBe(false);
    expect(takes(['nginx*', '-nginx:latest'], ['nginx:1.27'])).toBe(true);
    expect(takes(['*', '-mongo*'], [])).toBe(true);
    expect(takes(['-mongo*'], ['nginx'])).toBe(false);
  });

  it.each([
    ['alpine', 'docker.io/library/alpine:latest'],
    ['grafana/loki:3', 'docker.io/grafana/loki:3'],
    ['registry.example:5000/a/b', 'registry.example:5000/a/b:latest'],
    ['localhost/x@sha256:0f', 'localhost/x@sha256:0f'],
    ['sha256:0f', 'sha256:0f'],
    ['', ''],
  ])('know the image %j as %j', (name, canonical) => {
    expect(toCanonicalImage(name)).toBe(canonical);
  });

  it('take an event when every field does', () => {
    const event = anEvent({
      target: { containerName: '/web-7', imageName: 'nginx:1.27', labels: { team: 'shop' } },
      host: { hostname: 'h1', fqdn: 'h1.example', cluster: 'east', accountID: '42' },
    });
    const name = 'c';
    expect(isInCollection(event, { name })).toBe(true);
    expect(
      isInCollection(event, { name, containers: ['web*'], images: ['docker.io/library/nginx*'], hosts: ['*.example'] }),
    ).toBe(true);
    expect(isInCollection(event, { name, labels: ['team:shop'], clusters: ['east'], accountIDs: ['42'] })).toBe(true);
    expect(isInCollection(event, { name, containers: ['web*'], clusters: ['west'] })).toBe(false);
    expect(isInCollection(event, { name, functions: ['f'] })).toBe(false);
    expect(isInCollection(event, { name, functions: ['*'], namespaces: ['*'] })).toBe(true);
  });
});
