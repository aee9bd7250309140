-- Inserted rows whose version is already history. An insert that met another writer's uncommitted
-- delete has waited for it and then gone on with a view from before it: only a later statement of the
-- same transaction sees what that writer left.
select h.rk from unnest($1::bigint[], $2::int[]) as i(rk, ver)
join history h on h.rk = i.rk and h.ver >= i.ver
limit 1
