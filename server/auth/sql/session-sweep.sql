-- A grant goes with its session, so those that a grant came from stay.
delete from auth_session s
where least(s.ended_at, s.expires_at) < to_timestamp($1) - make_interval(days => $2)
  and not exists (select from auth_grant g where g.session_id = s.id)
